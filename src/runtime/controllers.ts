import { instantiate } from '../graph/body.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import type { ResultType, TupleOp } from '../graph/vocabulary.ts';
import type { Heap } from './cpu/heap.ts';
import { factorize } from './linalg/factorize.ts';
import type { BuildProgram, Program } from './program.ts';
import { Storage } from './storage.ts';

/** How each operation of control flow runs: made once from its node, then called with the values of its inputs. */
export type Controller<O extends TupleOp> = (
  node: Node<O>,
  build: BuildProgram,
  heap: Heap,
) => (inputs: readonly Storage[]) => readonly Storage[];

const create = (heap: Heap, types: readonly ResultType[]): Storage[] =>
  types.map(({ dtype, shape }) => heap.create(dtype, sizeOf(shape)));

/** The values that a loop carries from step to step, each in a storage of its own or, where a step cannot write over it, in two by turns. */
class Carries {
  readonly current: Storage[];
  readonly #others: (Storage | null)[];
  readonly #heap: Heap;

  constructor(initial: readonly Storage[], heap: Heap) {
    this.#heap = heap;
    this.current = initial.map((storage) => {
      const own = heap.create(storage.dtype, storage.length);
      heap.copy(storage, own);
      return own;
    });
    this.#others = initial.map(() => null);
  }

  /** Where a step may write the next values. @param unchanged carries that a step passes on */
  places(unchanged: readonly boolean[]): (Storage | undefined)[] {
    return this.current.map((storage, i) => {
      if (unchanged[i]) return undefined;
      this.#others[i] ??= this.#heap.create(storage.dtype, storage.length);
      return this.#others[i]!;
    });
  }

  /** The results of a step become current. */
  advance(results: readonly Storage[]): void {
    this.current.forEach((storage, i) => {
      if (results[i] === storage) return;
      this.#others[i] = storage;
      this.current[i] = results[i];
    });
  }

  /** The last values; the other storages go. */
  finish(): Storage[] {
    for (const other of this.#others) other?.release();
    return this.current;
  }
}

/** For each of the carries the input of the body that it replaces, for the rest nothing. */
const carried = (outputs: readonly Node[], carries: number, constants: number): number[] =>
  outputs.map((_, i) => (i < carries ? constants + i : -1));

const unchangedCarries = (
  inputs: readonly Node[],
  outputs: readonly Node[],
  carries: number,
  constants: number,
): boolean[] => Array.from({ length: carries }, (_, i) => outputs[i] === inputs[constants + i]);

const scan: Controller<'scan'> = (node, build, heap) => {
  const { body, constants, carries, length, reverse, results } = node.attributes;
  const { inputs, outputs } = body;
  const program = build({ inputs, outputs, donations: carried(outputs, carries, constants) }, length);
  const unchanged = unchangedCarries(inputs, outputs, carries, constants);
  const elementTypes = inputs.slice(constants + carries);
  const stackTypes = outputs.slice(carries);
  return (given) => {
    const fixed = given.slice(0, constants);
    const sequences = given.slice(constants + carries);
    const state = new Carries(given.slice(constants, constants + carries), heap);
    const stacks = create(heap, results.slice(carries));
    const parts = (types: readonly ResultType[]) =>
      types.map(({ dtype, shape }) => heap.part(dtype, sizeOf(shape)));
    const elements = parts(elementTypes);
    const places = parts(stackTypes);
    for (let step = 0; step < length; step++) {
      const i = reverse ? length - 1 - step : step;
      elements.forEach((part, k) => {
        part.show(sequences[k], i);
      });
      places.forEach((part, k) => {
        part.show(stacks[k], i);
      });
      const out = program.run(
        [...fixed, ...state.current, ...elements.map((part) => part.storage)],
        [...state.places(unchanged), ...places.map((part) => part.storage)],
      );
      state.advance(out.slice(0, carries));
    }
    return [...state.finish(), ...stacks];
  };
};

const whileLoop: Controller<'while'> = (node, build, heap) => {
  const { body, condition, constants } = node.attributes;
  const { inputs } = body;
  const carries = body.outputs.length;
  // A step tells at its end whether another one follows.
  const outputs = [
    ...body.outputs,
    ...instantiate(condition, [...inputs.slice(0, constants), ...body.outputs]),
  ];
  const first: Program = build({ ...condition, donations: [-1] }, 1);
  const program = build({ inputs, outputs, donations: carried(outputs, carries, constants) }, expectedSteps);
  const unchanged = unchangedCarries(inputs, outputs, carries, constants);
  return (given) => {
    const fixed = given.slice(0, constants);
    const goesOn = heap.create('bool', 1);
    const [start] = first.run(given, [goesOn]);
    const state = new Carries(given.slice(constants), heap);
    let again = start.read()[0] !== 0;
    while (again) {
      const out = program.run([...fixed, ...state.current], [...state.places(unchanged), goesOn]);
      state.advance(out.slice(0, carries));
      again = out[carries].read()[0] !== 0;
    }
    goesOn.release();
    return state.finish();
  };
};

/** For the choice of a tier: how often a loop runs whose number of steps nobody knows. */
const expectedSteps = 16;

const cond: Controller<'cond'> = (node, build, heap) => {
  const { branches, results } = node.attributes;
  const programs = branches.map(({ inputs, outputs }) =>
    build({ inputs, outputs, donations: outputs.map(() => -1) }, 1),
  );
  return ([index, ...operands]) => {
    const chosen = Math.min(branches.length - 1, Math.max(0, index.read()[0]));
    return programs[chosen].run(operands, create(heap, results));
  };
};

const factor: Controller<'factor'> = (node) => {
  const { kind, results } = node.attributes;
  return (inputs) => {
    const operands = inputs.map((storage, i) => ({ data: storage.read(), shape: node.inputs[i].shape }));
    return factorize(kind, operands).map((data, i) => new Storage(results[i].dtype, data.length, data));
  };
};

const neverRun = ({ op }: Node): never => {
  throw new Error(`runtime: ${op} stands for the results that it carries and does not run`);
};

export const controllers: { readonly [O in TupleOp]: Controller<O> } = {
  custom: neverRun,
  checkpoint: neverRun,
  scan,
  while: whileLoop,
  cond,
  factor,
};
