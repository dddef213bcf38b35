import { compileGraph } from '../../src/compiler/compile.ts';
import { type Target, wasmTarget } from '../../src/compiler/target.ts';
import { type TypedArray, viewOf } from '../../src/graph/dtype.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Interpreter } from '../compiler/ir_interpreter.ts';
import { expectClose } from './close.ts';
import { Dice } from './dice.ts';

/** Machines with wider vectors and other tiles than the printer at hand: their loops run on the interpreter of the loop IR. */
export const wideTargets: Record<string, Target> = {
  'AVX2: 8 lanes, tile 6x16': { ...wasmTarget(false), lanes: 8, tileRows: 6, tileVectors: 2 },
  'AVX-512: 16 lanes, tile 14x32': {
    ...wasmTarget(false),
    lanes: 16,
    tileRows: 14,
    tileVectors: 2,
    sumBlock: 24,
  },
  'AVX-512: 16 lanes, tile 8x48': {
    ...wasmTarget(false),
    lanes: 16,
    tileRows: 8,
    tileVectors: 3,
    rowBlockElements: 512,
  },
};

const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** Compiles for a target and runs on plain bytes. */
export function runOn(
  roots: readonly Node[],
  inputs: readonly Node[],
  data: readonly TypedArray[],
  target: Target,
): TypedArray[] {
  const compiled = compileGraph({ inputs, outputs: roots, donations: roots.map(() => -1) }, target);
  const sizes = new Array<number>(compiled.argumentCount).fill(0);
  sizes[0] = compiled.memory.arenaBytes + compiled.memory.threadBytes;
  compiled.inputArguments.forEach((argument, i) => {
    if (argument >= 0) sizes[argument] = data[i].byteLength;
  });
  compiled.outputs.forEach((place, i) => {
    if (place.kind === 'new') sizes[place.argument] = 8 * sizeOf(roots[i].shape);
  });
  const table = 64;
  let end = aligned(table + 4 * sizes.length);
  const addresses = sizes.map((bytes) => {
    const start = end;
    end += aligned(bytes) + 64;
    return start;
  });
  const memory = new ArrayBuffer(end);
  new Uint32Array(memory, table, addresses.length).set(addresses);
  compiled.inputArguments.forEach((argument, i) => {
    if (argument >= 0) viewOf(inputs[i].dtype, memory, addresses[argument], data[i].length).set(data[i]);
  });
  new Interpreter(memory, table).run(compiled.loops);
  return compiled.outputs.map((place, i) => {
    if (place.kind !== 'new') throw new Error('the test has no such outputs');
    return viewOf(roots[i].dtype, memory, addresses[place.argument], sizeOf(roots[i].shape)).slice();
  });
}

/** Compares a target's results with the reference, on random float inputs or on the given data. */
export function checkOn(
  roots: readonly Node[],
  inputs: readonly Node[],
  target: Target,
  given: number | readonly TypedArray[],
): void {
  const dice = new Dice(typeof given === 'number' ? given : 0);
  const data =
    typeof given !== 'number'
      ? given
      : inputs.map((n) => Float32Array.from({ length: sizeOf(n.shape) }, () => dice.between(-8, 8) / 8));
  const results = runOn(roots, inputs, data, target);
  const expected = evaluateReference(roots, (n) => data[inputs.indexOf(n)]);
  roots.forEach((root, i) => {
    expectClose(results[i], expected.get(root)!, { rtol: 1e-5, atol: 1e-4 });
  });
}
