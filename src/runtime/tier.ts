import { isOp, type Node, sizeOf, topological } from '../graph/node.ts';
import type { ProgramSource } from './program.ts';

/** Which of the two CPU tiers runs a jitted program: a function of the program and the machine, never of timing. */

/**
 * Simple operations from which on native code is worth waiting for a C compiler. Smaller programs spend their time on being called, not on
 * computing: as WebAssembly they are as fast, and start at once.
 */
const worthCompiling = 2 ** 20;

/**
 * The tier of a jitted program: what `NABLA_TIER` says, else native code for programs of some size in Node, WebAssembly for small
 * ones and in browsers. Where native code cannot be made, it is WebAssembly after all, with a warning. Programs
 * outside of jit are always WebAssembly.
 *
 * @param times how often a call runs it
 * @throws if NABLA_TIER names no tier
 */
export function tierOf(source: ProgramSource, times = 1): 'wasm' | 'native' {
  const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  const wanted = (isNode ? process.env.NABLA_TIER : undefined) ?? '';
  if (wanted === 'wasm' || wanted === 'native') return wanted;
  if (wanted !== '')
    throw new Error(`nabla: NABLA_TIER=${wanted} is not a tier; set it to wasm or native, or not at all`);
  return isNode && times * operationsOf(source) >= worthCompiling ? 'native' : 'wasm';
}

/** Rough number of multiplications and other simple operations of a program. */
export function operationsOf({ outputs, inputs }: ProgramSource): number {
  const given = new Set(inputs);
  const isGiven = (node: Node) => given.has(node);
  return topological(outputs, isGiven).reduce((sum, node) => sum + (isGiven(node) ? 0 : operations(node)), 0);
}

function operations(node: Node): number {
  if (isOp(node, 'contract')) {
    const { sizes, a, b } = node.attributes;
    // Divisions are exact: of the terms under a divisor q only one in q is computed.
    const skipped = [...a, ...b].reduce((n, index) => Math.max(n, index.divisor), 1);
    return sizes.reduce((n, size) => n * size, 1) / skipped;
  }
  switch (node.op) {
    case 'reduce':
    case 'argreduce':
      return sizeOf(node.inputs[0].shape);
    case 'unary':
    case 'binary':
    case 'compare':
    case 'select':
    case 'cast':
    case 'concat':
    case 'gather':
    case 'scatter':
    case 'prefix':
    case 'argsort':
    case 'threefry':
      return sizeOf(node.shape);
    default:
      // Views and constants cost nothing by themselves.
      return 0;
  }
}
