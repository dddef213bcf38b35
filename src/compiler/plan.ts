import { bytesOf, type DType } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { type Affine, sameAffine } from './affine.ts';
import type { Kernel, KernelExpr, LoopKernel, Output } from './kernel.ts';
import { visitDynamic, visitIndices } from './lower/merge_axes.ts';

/** Where the arrays of a program live. */
export interface MemoryPlan {
  /** Bytes of the arena, and of what is alive in it at the fullest moment (its lower bound). */
  readonly arenaBytes: number;
  readonly liveBytes: number;
  /** Arena offset of every intermediate array. */
  readonly offsets: ReadonlyMap<Node, number>;
  /** Scratch memory that every running thread needs, behind the arena. */
  readonly threadBytes: number;
  /** Offsets of the scratch memory of each kernel, within that of a thread. */
  readonly scratch: readonly (readonly number[])[];
}

/** Nodes that a kernel reads, with every index at which it does. */
export function readsOf(kernel: Kernel): ReadonlyMap<Node, readonly Affine[]> {
  let reads = known.get(kernel);
  if (reads === undefined) known.set(kernel, (reads = findReads(kernel)));
  return reads;
}

/** Kernels never change, and several passes ask. */
const known = new WeakMap<Kernel, ReadonlyMap<Node, readonly Affine[]>>();

function findReads(kernel: Kernel): Map<Node, Affine[]> {
  const reads = new Map<Node, Affine[]>();
  const seen = new Set<KernelExpr>();
  const affine = (index: Affine) => {
    for (const [atom] of index.terms) {
      if (atom.kind === 'dynamic') visit(atom.value as KernelExpr);
      else if (atom.kind !== 'axis') affine(atom.x);
    }
  };
  const visit = (x: KernelExpr) => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x.op === 'load') reads.set(x.source, [...(reads.get(x.source) ?? []), x.index]);
    visitIndices(x, affine, visit);
  };
  switch (kernel.kind) {
    case 'sort':
      return new Map([[kernel.source, []]]);
    case 'prefix':
    case 'scatter':
      visit(kernel.value);
      affine(kernel.index);
      return reads;
    case 'pack':
      visit(kernel.operand);
      return reads;
    case 'updates':
      for (const member of kernel.members)
        for (const [node, indices] of readsOf(member))
          reads.set(node, [...(reads.get(node) ?? []), ...indices]);
      return reads;
    case 'contract':
      visit(kernel.a);
      if (kernel.packed === undefined) visit(kernel.b);
      else reads.set(kernel.packed, []);
      break;
    case 'loops':
      for (const r of kernel.reductions) visit(r.value);
  }
  for (const output of kernel.outputs) visit(output.value);
  return reads;
}

export function writesOf(kernel: Kernel): Node[] {
  switch (kernel.kind) {
    case 'sort':
    case 'prefix':
    case 'scatter':
    case 'pack':
      return [kernel.node];
    case 'updates':
      return kernel.members.flatMap(writesOf);
    default:
      return kernel.outputs.map((o) => o.node);
  }
}

const bytesOfNode = (node: { dtype: DType; shape: readonly number[] }): number =>
  bytesOf(node.dtype) * sizeOf(node.shape);

const alignment = 64;
const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

interface Block {
  readonly nodes: Node[];
  readonly bytes: number;
  first: number;
  last: number;
  offset: number;
}

/**
 * Lays out all intermediates in one arena. Lifetimes run from the first kernel that writes an array to the last that reads it;
 * large arrays are placed first, each at the lowest offset that is free for its whole life. An elementwise result
 * takes the place of an operand that dies there.
 *
 * @param isOutside arrays that live elsewhere: inputs, outputs
 * @param scratchBytes scratch memory of each kernel
 */
export function planMemory(
  kernels: readonly Kernel[],
  isOutside: (node: Node) => boolean,
  scratchBytes: readonly (readonly number[])[],
): MemoryPlan {
  const blocks: Block[] = [];
  const blockOf = new Map<Node, Block>();
  const lastRead = new Map<Node, number>();
  const writers = new Map<Node, number>();
  const reads = kernels.map(readsOf);
  reads.forEach((sources, i) => {
    for (const node of sources.keys()) lastRead.set(node, i);
  });
  for (const kernel of kernels)
    for (const node of writesOf(kernel)) writers.set(node, (writers.get(node) ?? 0) + 1);

  kernels.forEach((kernel, i) => {
    for (const node of writesOf(kernel)) {
      if (isOutside(node)) continue;
      const existing = blockOf.get(node);
      const last = Math.max(i, lastRead.get(node) ?? i);
      if (existing !== undefined) {
        existing.last = Math.max(existing.last, last);
        continue;
      }
      const inherited =
        kernel.kind === 'loops' && writers.get(node) === 1
          ? takeOver(kernel, node, i, reads[i], lastRead, blockOf)
          : null;
      if (inherited !== null) {
        inherited.nodes.push(node);
        inherited.last = last;
        blockOf.set(node, inherited);
        continue;
      }
      const block: Block = { nodes: [node], bytes: aligned(bytesOfNode(node)), first: i, last, offset: -1 };
      blocks.push(block);
      blockOf.set(node, block);
    }
  });
  const arenaBytes = place(blocks);
  const offsets = new Map<Node, number>();
  for (const block of blocks) for (const node of block.nodes) offsets.set(node, block.offset);
  // Kernels do not run at the same time: they share the scratch memory.
  let threadBytes = 0;
  const scratch = scratchBytes.map((sizes) => {
    let end = 0;
    const places = sizes.map((bytes) => {
      const start = end;
      end += aligned(bytes);
      return start;
    });
    threadBytes = Math.max(threadBytes, end);
    return places;
  });
  return { arenaBytes, liveBytes: fullest(blocks, kernels.length), offsets, threadBytes, scratch };
}

/**
 * The output of a kernel that may be written over an operand which is read at the same index: it is written in one place, when
 * nothing is read at that index any more.
 */
export function overwriting(kernel: LoopKernel, node: Node): Output | null {
  const [own, ...more] = kernel.outputs.filter((o) => o.node === node);
  if (own === undefined || more.length > 0) return null;
  if (kernel.reductions.length === 0 || own.level === 'outer') return own;
  // Within a row a later pass may still read what an earlier one wrote.
  const inRow = [...kernel.reductions, ...kernel.outputs.filter((o) => o.level === 'full')];
  return inRow.some(({ value }) => needsResult(value)) ? null : own;
}

/** Whether an expression is computed after a reduction of its own kernel. */
function needsResult(x: KernelExpr): boolean {
  let needs = x.op === 'result';
  const operand = (e: KernelExpr) => {
    needs ||= needsResult(e);
  };
  visitIndices(x, (index) => visitDynamic(index, operand), operand);
  return needs;
}

/** The block of an operand that ends here and is only read at the element that is being written, if there is one. */
function takeOver(
  kernel: LoopKernel,
  node: Node,
  position: number,
  reads: ReadonlyMap<Node, readonly Affine[]>,
  lastRead: ReadonlyMap<Node, number>,
  blockOf: ReadonlyMap<Node, Block>,
): Block | null {
  const output = overwriting(kernel, node);
  if (output === null) return null;
  for (const [source, indices] of reads) {
    const block = blockOf.get(source);
    if (block === undefined || lastRead.get(source) !== position || block.last !== position) continue;
    if (bytesOfNode(source) !== bytesOfNode(node) || bytesOf(source.dtype) !== bytesOf(node.dtype)) continue;
    if (indices.every((index) => sameAffine(index, output.index))) return block;
  }
  return null;
}

function place(blocks: readonly Block[]): number {
  const placed: Block[] = [];
  let end = 0;
  for (const block of [...blocks].sort((a, b) => b.bytes - a.bytes || a.first - b.first)) {
    const neighbours = placed
      .filter((p) => p.first <= block.last && block.first <= p.last)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const neighbour of neighbours) {
      if (offset + block.bytes <= neighbour.offset) break;
      offset = Math.max(offset, neighbour.offset + neighbour.bytes);
    }
    block.offset = offset;
    placed.push(block);
    end = Math.max(end, offset + block.bytes);
  }
  return end;
}

/** Bytes alive during the kernel that needs most. */
function fullest(blocks: readonly Block[], kernels: number): number {
  const change = new Array<number>(kernels + 1).fill(0);
  for (const { first, last, bytes } of blocks) {
    change[first] += bytes;
    change[last + 1] -= bytes;
  }
  let live = 0;
  let most = 0;
  for (const delta of change) {
    live += delta;
    most = Math.max(most, live);
  }
  return most;
}
