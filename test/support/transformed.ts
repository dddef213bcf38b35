import { batchGraph } from '../../src/graph/batching.ts';
import { instantiate, rebuild } from '../../src/graph/body.ts';
import * as g from '../../src/graph/build.ts';
import { pullBack, pushForward } from '../../src/graph/differentiate.ts';
import { allocate, type TypedArray } from '../../src/graph/dtype.ts';
import { batched, type Lifted } from '../../src/graph/lifted.ts';
import { type Node, sameShape, sizeOf } from '../../src/graph/node.ts';
import type { Body } from '../../src/graph/vocabulary.ts';
import type { Dice } from './dice.ts';

/** A program with its data: what a random graph is before its tolerances. */
export interface Program {
  readonly roots: readonly Node[];
  /** The data of every node of op `input`. */
  readonly data: ReadonlyMap<Node, TypedArray>;
}

/** Another program made of one; null where it does not apply. The same dice give the same transformation of a program's twin. */
type Transformation = (program: Program, dice: Dice) => Program | null;

/** Half precision is for storage: nothing is computed in it, and nothing differentiated. */
const isFloat = (dtype: Node['dtype']): boolean => dtype === 'float32' || dtype === 'float64';

const noise = (dice: Dice, node: Node): TypedArray => {
  const out = allocate(node.dtype, sizeOf(node.shape));
  for (let i = 0; i < out.length; i++) out[i] = 2 * dice.fraction() - 1;
  return out;
};

const floatLeaves = ({ data }: Program): Node[] => [...data.keys()].filter((node) => isFloat(node.dtype));
const leavesOf = ({ data }: Program): Node[] => [...data.keys()];
const present = (nodes: readonly (Node | null)[]): Node[] => nodes.filter((node) => node !== null);
const typeOf = ({ shape, dtype }: Node) => ({ shape, dtype });

function withInputs(
  program: Program,
  roots: readonly Node[],
  added: Iterable<readonly [Node, TypedArray]>,
): Program | null {
  return roots.length === 0 ? null : { roots, data: new Map([...program.data, ...added]) };
}

const gradient: Transformation = (program, dice) => {
  const roots = program.roots.filter((root) => isFloat(root.dtype));
  const cotangents = roots.map((root) => g.input(root.shape, root.dtype));
  const added = cotangents.map((node) => [node, noise(dice, node)] as const);
  return withInputs(program, present(pullBack(roots, cotangents, floatLeaves(program))), added);
};

const tangent: Transformation = (program, dice) => {
  const directions = floatLeaves(program).map((leaf) => [leaf, g.input(leaf.shape, leaf.dtype)] as const);
  const added = directions.map(([, node]) => [node, noise(dice, node)] as const);
  return withInputs(program, present(pushForward(program.roots, new Map(directions))), added);
};

/** Some of the inputs differ from example to example: the elements of each are shifted by one more place. */
const batch: Transformation = (program, dice) => {
  const size = dice.between(1, 3);
  const lifted = new Map<Node, Lifted>();
  const added: [Node, TypedArray][] = [];
  for (const [leaf, values] of program.data) {
    if (dice.chance(0.4)) continue;
    const all = g.input([size, ...leaf.shape], leaf.dtype);
    const data = allocate(leaf.dtype, size * values.length);
    for (let k = 0; k < size; k++)
      for (let i = 0; i < values.length; i++) data[k * values.length + i] = values[(i + k) % values.length];
    lifted.set(leaf, batched(all));
    added.push([all, data]);
  }
  if (lifted.size === 0) return null;
  const roots = batchGraph(program.roots, lifted, size).map(({ node }) => node);
  return withInputs(program, roots, added);
};

/** The program as a body, whose inputs are the given leaves and then all others. */
function bodyOf(
  program: Program,
  first: readonly Node[],
  outputs: readonly Node[],
): { body: Body; rest: Node[] } {
  const rest = leavesOf(program).filter((leaf) => !first.includes(leaf));
  const fresh = new Map([...rest, ...first].map((leaf) => [leaf, g.input(leaf.shape, leaf.dtype)]));
  return { body: { inputs: [...fresh.values()], outputs: rebuild(outputs, fresh) }, rest };
}

/** A float input and a float root of one type: what a loop can carry. */
function carriedPair(program: Program, dice: Dice): { leaf: Node; root: Node } | null {
  const pairs = floatLeaves(program).flatMap((leaf) =>
    program.roots
      .filter((root) => root.dtype === leaf.dtype && sameShape(root.shape, leaf.shape))
      .map((root) => ({ leaf, root })),
  );
  return pairs.length === 0 ? null : dice.pick(pairs);
}

const scanned: Transformation = (program, dice) => {
  const pair = carriedPair(program, dice);
  if (pair === null) return null;
  const length = dice.between(0, 3);
  const sequences = floatLeaves(program).filter((leaf) => leaf !== pair.leaf && dice.chance(0.5));
  const left = program.roots.filter((root) => root !== pair.root);
  const { body, rest } = bodyOf(program, [pair.leaf, ...sequences], [g.unary('tanh', pair.root), ...left]);
  const stacks = sequences.map((leaf) => g.input([length, ...leaf.shape], leaf.dtype));
  const added = stacks.map((stack, k) => {
    const values = program.data.get(sequences[k])!;
    const data = allocate(stack.dtype, length * values.length);
    for (let i = 0; i < length; i++)
      data.set(
        values.map((x: number) => x * (1 - 0.2 * i)),
        i * values.length,
      );
    return [stack, data] as const;
  });
  const results = body.outputs.map((x, i) =>
    i === 0 ? typeOf(x) : { shape: [length, ...x.shape], dtype: x.dtype },
  );
  const attributes = {
    results,
    body,
    constants: rest.length,
    carries: 1,
    length,
    reverse: dice.chance(0.5),
    recompute: dice.chance(0.3),
  };
  return withInputs(program, g.parts('scan', attributes, [...rest, pair.leaf, ...stacks]), added);
};

const looped: Transformation = (program, dice) => {
  const pair = carriedPair(program, dice);
  if (pair === null) return null;
  const rounds = dice.between(0, 3);
  const { body: step, rest } = bodyOf(program, [pair.leaf], [g.unary('tanh', pair.root)]);
  const counter = g.input([], 'int32');
  const body = {
    inputs: [...step.inputs, counter],
    outputs: [...step.outputs, g.add(counter, g.constant(1, [], 'int32'))],
  };
  const tested = [...step.inputs, counter].map((x) => g.input(x.shape, x.dtype));
  const condition = {
    inputs: tested,
    outputs: [g.compare('lt', tested[tested.length - 1], g.constant(rounds, [], 'int32'))],
  };
  const attributes = { results: body.outputs.map(typeOf), body, condition, constants: rest.length };
  return withInputs(
    program,
    g.parts('while', attributes, [...rest, pair.leaf, g.constant(0, [], 'int32')]),
    [],
  );
};

const chosen: Transformation = (program, dice) => {
  const { body, rest } = bodyOf(program, [], program.roots);
  const other = {
    inputs: rest.map((x) => g.input(x.shape, x.dtype)),
    outputs: [] as Node[],
  };
  other.outputs = instantiate(body, other.inputs).map((x) => (isFloat(x.dtype) ? g.unary('sin', x) : x));
  const index = g.input([], 'int32');
  const attributes = { results: body.outputs.map(typeOf), branches: [body, other] };
  const added = [[index, Int32Array.of(dice.between(-1, 2))]] as const;
  return withInputs(program, g.parts('cond', attributes, [index, ...rest]), added);
};

const checkpointed: Transformation = (program) => {
  const { body, rest } = bodyOf(program, [], program.roots);
  const results = body.outputs.map(typeOf);
  return withInputs(
    program,
    g.parts('checkpoint', { results, body }, [...instantiate(body, rest), ...rest]),
    [],
  );
};

const transformations = { gradient, tangent, batch, scanned, looped, chosen, checkpointed };
type Name = keyof typeof transformations;
const weights: { readonly [N in Name]: number } = {
  gradient: 5,
  tangent: 3,
  batch: 4,
  scanned: 4,
  looped: 1,
  chosen: 2,
  checkpointed: 2,
};

/** What the rules themselves say cannot be done. */
const refusals = /reverse mode|can be solved for/;

/** A program after one to three transformations that the dice choose, with their names; null if none applies. */
export function transformed(program: Program, dice: Dice): { program: Program; names: Name[] } | null {
  let result = program;
  const names: Name[] = [];
  for (let count = dice.between(1, 3); count > 0; count--) {
    const name = dice.weighted(weights) as Name;
    try {
      const next = transformations[name](result, dice);
      if (next === null) continue;
      result = next;
      names.push(name);
    } catch (error) {
      if (!refusals.test((error as Error).message)) throw error;
    }
  }
  return names.length === 0 ? null : { program: result, names };
}
