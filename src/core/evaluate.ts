import { input } from '../graph/build.ts';
import type { DType, TypedArray } from '../graph/dtype.ts';
import type { ArrayType } from '../graph/infer.ts';
import { type Node, type Shape, topological } from '../graph/node.ts';
import { madeAt, originOf, recording } from '../graph/origins.ts';
import { evaluate } from '../runtime/evaluate.ts';
import { Storage } from '../runtime/storage.ts';
import { afterCheck, checkable, isCheckingNumerics } from './numerics.ts';
import { isTracing } from './trace.ts';

/**
 * Makes a storage the value of a node. Whoever has the node can see it, so no program may overwrite it in place; except where
 * `alone` says that only a variable has the node, and the storage comes fresh from a program.
 */
export function hold(node: Node, storage: Storage, alone = false): void {
  storage.holders++;
  if (!alone || storage.holders > 1) storage.shared = true;
  node.stored = storage;
  storage.shape = node.shape;
  if (recording) storage.origin ??= originOf(node);
}

/** Keeps a storage although every node that holds it is disposed of: a compiled program uses it. */
export function retain(storage: Storage): void {
  storage.holders++;
  storage.shared = true;
}

/** The content of a variable is about to be replaced: if nobody else holds its storage, that is free to be overwritten. */
export function replace(storage: Storage): void {
  if (!storage.shared) storage.holders = 0;
}

/** A variable takes a node as its content, and gives up its former one. */
export function exchange(former: Node | null, node: Node): void {
  if (former !== null) former.cells--;
  node.cells++;
}

/** What was the content of a variable is an array like others, whose memory nobody keeps, unless another variable has it. */
export function relinquish(former: Node): void {
  if (former.cells === 0) {
    const storage = former.stored as Storage | null;
    storage?.home?.unpin(storage);
  }
}

/**
 * Ends the value of a node; its memory is freed with the last node that holds it. The content of a variable stays: it is not
 * for those who read it to end.
 */
export function letGo(node: Node): void {
  const storage = node.stored as Storage | null;
  if (storage === null || storage.disposed || node.cells > 0) return;
  const others = Math.max(1, storage.holders) - 1;
  const gone = new Storage(node.dtype, storage.length, null);
  gone.release();
  node.stored = gone;
  if (others > 0) storage.holders = others;
  else storage.release();
}

/**
 * Computes the given nodes now, together, and remembers the results in them. Outside of transforms the graph below is let go,
 * so that its memory can be reclaimed; inside it is kept, because a derivative may still walk it.
 */
export function realize(nodes: readonly Node[]): void {
  const asked = nodes.filter((node) => node.stored === null);
  if (asked.length === 0) return;
  const below = topological(asked, (n) => n.stored !== null);
  assertConcrete(below, asked);
  const companions = below.flatMap((node) => (node.stored === null ? (node.companions ?? []) : []));
  const pending = [...new Set([...asked, ...companions])].filter((node) => node.stored === null);
  const results = computed(pending);
  pending.forEach((node, i) => {
    hold(node, results[i]);
    node.companions = null;
    if (!isTracing() && !node.kept) node.inputs = [];
  });
}

/** Runs a program for the given nodes; where numerics are checked, with everything below them. */
function computed(pending: readonly Node[]): Storage[] {
  if (!isCheckingNumerics()) return evaluate(pending);
  const isGiven = (node: Node) => node.stored !== null;
  const nodes = topological(pending, isGiven);
  const checked = checkable(nodes, isGiven);
  const results = evaluate([...pending, ...checked]);
  const given = new Map(nodes.filter(isGiven).map((node) => [node, node.stored as Storage]));
  return afterCheck({ given, outputs: pending, checked, results });
}

/** The value of a node, computed if need be. */
export function storageOf(node: Node): Storage {
  if (node.stored === null) realize([node]);
  return node.stored as Storage;
}

/** The transform that records the function of which a node is an argument. */
const recorders = new WeakMap<Node, string>();

/** Stands for an array while a transform records a function: it has a type but no value. */
export function standIn(transform: string, { shape, dtype }: ArrayType): Node {
  const node = input(shape, dtype);
  recorders.set(node, transform);
  return node;
}

/** Values of arguments of a function that is being recorded do not exist. */
function assertConcrete(nodes: readonly Node[], asked: readonly Node[]): void {
  for (const node of nodes) {
    if (node.op !== 'input' || node.stored !== null) continue;
    const transform = recorders.get(node) ?? 'jit';
    const why =
      transform === 'vmap'
        ? 'while the function runs for all examples at once, where arrays have the shape of one example but no value'
        : 'while the function is being traced, where arrays have shapes but no values yet';
    throw new Error(
      `${transform}: the value of an array${madeAt(asked[0])} was asked for ${why}. ` +
        `Use where(), select on arrays instead of if, or move the reading (item, data, print) out of the ${transform === 'jit' ? 'jitted ' : ''}function.`,
    );
  }
}

/** A node whose value exists already; `data` is not copied and must not change. */
export function dataNode(data: TypedArray, shape: Shape, dtype: DType): Node {
  const node = input(shape, dtype);
  hold(node, new Storage(dtype, data.length, data));
  return node;
}
