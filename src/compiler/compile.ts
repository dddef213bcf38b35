import { bytesOf } from '../graph/dtype.ts';
import { type Node, sizeOf, typeText } from '../graph/node.ts';
import { type Affine, forgetQuotients, sameAffine } from './affine.ts';
import { buildKernels } from './build_kernels.ts';
import { contiguous } from './contiguous.ts';
import type { Buffer, KernelFunction, LoopProgram } from './ir.ts';
import { compare, get, i32Constant, ifThen, local, typeOf } from './ir_build.ts';
import { joinUpdates } from './join_updates.ts';
import type { ContractKernel, Kernel, LoopKernel, UpdatesKernel } from './kernel.ts';
import type { KernelBody } from './lower/chunks.ts';
import { type DotPlan, lowerDot, planDot } from './lower/dot.ts';
import { scalarOf } from './lower/emit.ts';
import { lowerLoops } from './lower/loops.ts';
import { lowerPack } from './lower/pack_kernel.ts';
import { lowerPrefix } from './lower/prefix.ts';
import { lowerScatter } from './lower/scatter.ts';
import { lowerSort } from './lower/sort.ts';
import { lowerTile, rowChunks } from './lower/tile.ts';
import { planTile, tileScratch } from './lower/tile_plan.ts';
import { partition } from './partition.ts';
import { type MemoryPlan, overwriting, planMemory, readsOf, writesOf } from './plan.ts';
import { sharePacking } from './share_packing.ts';
import { simplify } from './simplify.ts';
import { splitReductions } from './split_reductions.ts';
import type { Target } from './target.ts';

/** Where a program finds or leaves an array at run time. */
export type Place =
  /** The storage of an input. */
  | { readonly kind: 'input'; readonly input: number }
  /** A constant array of the program. */
  | { readonly kind: 'literal'; readonly literal: number }
  /** A new storage that the program fills, argument `argument` of the table. */
  | { readonly kind: 'new'; readonly argument: number };

/** A compiled graph, before a printer makes it runnable. */
export interface CompiledProgram {
  readonly loops: LoopProgram;
  readonly kernels: readonly Kernel[];
  readonly memory: MemoryPlan;
  /** Argument of the table for each input; -1 if the program does not read it. Argument 0 is the arena. */
  readonly inputArguments: readonly number[];
  /** Constant arrays, with their arguments. */
  readonly literals: readonly { readonly node: Node<'literal'>; readonly argument: number }[];
  readonly outputs: readonly Place[];
  readonly argumentCount: number;
}

export interface CompileRequest {
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  /** For each output the position of an input whose storage it may overwrite, or -1. */
  readonly donations: readonly number[];
}

/** Graph to loop IR, pass by pass. */
export function compileGraph(request: CompileRequest, target: Target): CompiledProgram {
  const inputs = new Set(request.inputs);
  const isInput = (node: Node) => inputs.has(node);
  const graph = simplify(request.outputs, isInput);
  debug('graph', () => graph.nodes.map(nodeText).join('\n'));

  const parts = partition(graph, isInput);
  const needed = neededOutside(graph.outputs, parts, isInput);
  const states = new Set(graph.outputs.filter((_, i) => request.donations[i] >= 0));
  const made = parts.groups
    .flatMap((group) => buildKernels(group, parts, (node) => needed.has(node)))
    .flatMap((kernel): readonly Kernel[] =>
      kernel.kind === 'loops'
        ? contiguous(kernel, target.lanes).flatMap((k) => splitReductions(k, target.lanes))
        : [kernel],
    );
  const joined = joinUpdates(made, (node) => states.has(node));
  const dots = new Map<Kernel, DotPlan>();
  for (const kernel of joined) {
    const plan = kernel.kind === 'contract' ? planDot(kernel, target) : null;
    if (plan !== null) dots.set(kernel, plan);
  }
  const { kernels, plans: tiles } = sharePacking(
    joined,
    joined.map((k) => (k.kind === 'contract' && !dots.has(k) ? planTile(k, target) : null)),
    target,
    (plan) => rowChunks(plan, target),
  );

  // Arguments: the arena, inputs, literals, outputs.
  let count = 1;
  const places = new Map<Node, Buffer['place']>();
  const used = new Set(kernels.flatMap((k) => [...readsOf(k).keys()]));
  const argument = (node: Node): number => {
    places.set(node, { kind: 'argument', argument: count });
    return count++;
  };
  const inputArguments = request.inputs.map((node) =>
    used.has(node) || request.donations.length > 0 ? argument(node) : -1,
  );
  const literals = graph.nodes.flatMap((node) =>
    node.op === 'literal' ? [{ node: node as Node<'literal'>, argument: argument(node) }] : [],
  );
  const outputs = graph.outputs.map((node, i): Place => {
    const given = request.inputs.indexOf(node);
    if (given >= 0) return { kind: 'input', input: given };
    const constant = literals.findIndex((l) => l.node === node);
    if (constant >= 0) return { kind: 'literal', literal: constant };
    const known = places.get(node);
    if (known?.kind === 'argument') {
      const donated = inputArguments.indexOf(known.argument);
      return donated >= 0 ? { kind: 'input', input: donated } : { kind: 'new', argument: known.argument };
    }
    const donor = request.donations[i];
    if (
      donor >= 0 &&
      sizeOf(node.shape) > 0 &&
      canOverwrite(kernels, node, request.inputs[donor], graph.outputs)
    ) {
      places.set(node, { kind: 'argument', argument: inputArguments[donor] });
      return { kind: 'input', input: donor };
    }
    return { kind: 'new', argument: argument(node) };
  });

  const memory = planMemory(
    kernels,
    (node) => places.has(node),
    kernels.map((kernel, i) => {
      if (kernel.kind === 'contract' && tiles[i] !== null) return tileScratch(tiles[i], target);
      return kernel.kind === 'sort' ? [4 * kernel.node.shape[kernel.node.shape.length - 1]] : [];
    }),
  );
  for (const [node, offset] of memory.offsets) places.set(node, { kind: 'arena', offset });
  debug(
    'kernels',
    () =>
      kernels.map((k, i) => kernelText(k, i)).join('\n') +
      `\narena ${memory.arenaBytes} bytes, live ${memory.liveBytes}, ${memory.threadBytes} a thread`,
  );

  const buffers = new Map<Node, Buffer>();
  const bufferOf = (node: Node): Buffer => {
    let buffer = buffers.get(node);
    if (buffer === undefined) {
      // Loops over nothing are printed too, though they never read.
      const place =
        places.get(node) ?? (sizeOf(node.shape) === 0 ? ({ kind: 'arena', offset: 0 } as const) : undefined);
      if (place === undefined) throw new Error(`compiler: ${nodeText(node)} has no place in memory`);
      buffer = { name: `b${node.id}`, scalar: scalarOf[node.dtype], place };
      if (bytesOf(node.dtype) === 2) buffer = { ...buffer, bits: 16 };
      buffers.set(node, buffer);
    }
    return buffer;
  };
  const functions = kernels.map((kernel, i): KernelFunction => {
    const scratch = memory.scratch[i].map((offset, k): Buffer => {
      const scalar = kernel.kind === 'sort' ? 'i32' : 'f32';
      const place = {
        kind: 'thread',
        offset: memory.arenaBytes + offset,
        stride: memory.threadBytes,
      } as const;
      return { name: `scratch${k}`, scalar, place };
    });
    return { name: `${i}_${kernel.name}`, ...lower(kernel) };

    function lower(k: Kernel): KernelBody {
      switch (k.kind) {
        case 'loops':
          return lowerLoops(k, bufferOf, target);
        case 'contract': {
          const dot = dots.get(k);
          return dot === undefined
            ? lowerTile(tiles[i]!, bufferOf, scratch, target)
            : lowerDot(dot, bufferOf, target);
        }
        case 'updates':
          return lowerUpdates(k, bufferOf, target);
        case 'pack':
          return lowerPack(tiles[i]!, bufferOf, bufferOf(k.node), target);
        case 'prefix':
          return lowerPrefix(k, bufferOf, target);
        case 'scatter':
          return lowerScatter(k, bufferOf, target);
        case 'sort':
          return { body: lowerSort(k, bufferOf, scratch[0]) };
      }
    }
  });
  forgetQuotients();
  const loops = { kernels: functions };
  return { loops, kernels, memory, inputArguments, literals, outputs, argumentCount: count };
}

/** Each member is a chunk. */
function lowerUpdates(
  { members }: UpdatesKernel,
  bufferOf: (node: Node) => Buffer,
  target: Target,
): KernelBody {
  const variable = local('member', typeOf('i32'));
  const whole = { ...target, chunkWork: Number.POSITIVE_INFINITY };
  const body = members.map((member, i) =>
    ifThen(compare('eq', get(variable), i32Constant(i)), lowerLoops(member, bufferOf, whole).body),
  );
  return { body, chunks: { variable, count: members.length } };
}

/** Members of groups that are read by other groups, or are outputs: they must be written. */
function neededOutside(
  outputs: readonly Node[],
  { groups, materialized }: ReturnType<typeof partition>,
  isInput: (node: Node) => boolean,
): Set<Node> {
  const needed = new Set(outputs.filter((node) => !isInput(node)));
  for (const group of groups) {
    const own = new Set(group.members);
    const seen = new Set<Node>();
    const stack = group.members.flatMap((m) => m.inputs);
    while (stack.length > 0) {
      const node = stack.pop()!;
      if (seen.has(node)) continue;
      seen.add(node);
      if (materialized.has(node)) {
        if (!own.has(node)) needed.add(node);
      } else stack.push(...node.inputs);
    }
  }
  return needed;
}

/**
 * Whether an output may be written over an input: whoever reads the input has run before, or is the writer itself and reads the
 * very element that it writes.
 */
function canOverwrite(
  kernels: readonly Kernel[],
  output: Node,
  input: Node,
  outputs: readonly Node[],
): boolean {
  // The old content is itself a result.
  if (outputs.includes(input)) return false;
  const writers = kernels.flatMap((k, i) => (writesOf(k).includes(output) ? [i] : []));
  if (writers.length !== 1) return false;
  const [writer] = writers;
  return kernels.every((kernel, i) => {
    const indices = readsOf(kernel).get(input);
    if (indices === undefined || i < writer) return true;
    const [part, ...others] = i > writer ? [] : partsOf(kernel, output);
    // Whoever runs at the same time may not see it change.
    if (part === undefined || others.some((other) => readsOf(other).has(input))) return false;
    const own = overwriting(part, output);
    return own !== null && indices.every((index: Affine) => sameAffine(index, own.index));
  });
}

/** The loop kernel that writes an output, then those that run along with it; none if it is of another kind. */
function partsOf(kernel: Kernel, output: Node): LoopKernel[] {
  const parts = kernel.kind === 'loops' ? [kernel] : kernel.kind === 'updates' ? kernel.members : [];
  const isWriter = (part: LoopKernel) => writesOf(part).includes(output);
  return [...parts.filter(isWriter), ...parts.filter((part) => !isWriter(part))];
}

const levels = (): readonly string[] =>
  (typeof process === 'undefined' ? '' : (process.env.NABLA_DEBUG ?? '')).split(',');

/** Whether NABLA_DEBUG (a list of graph, kernels, source, times) asks for a level. */
export const isDebugging = (level: 'graph' | 'kernels' | 'source' | 'times'): boolean =>
  levels().includes(level);

/** Prints one level of a compilation if NABLA_DEBUG asks for it. */
export function debug(level: 'graph' | 'kernels' | 'source', text: () => string): void {
  if (isDebugging(level)) console.error(`--- ${level}\n${text()}`);
}

const attributesText = (node: Node): string => {
  if (node.op === 'literal') return '';
  const entries = Object.entries(node.attributes).filter(([, v]) => v !== undefined);
  return entries.length === 0 ? '' : ` ${JSON.stringify(Object.fromEntries(entries))}`;
};

export const nodeText = (node: Node): string =>
  `%${node.id} = ${node.op}(${node.inputs.map((i) => `%${i.id}`).join(', ')})${attributesText(node)} : ${typeText(node.dtype, node.shape)}`;

/** One line about a kernel. */
export function kernelText(kernel: Kernel, i: number): string {
  const list = (axes: ContractKernel['m']) => `[${axes.map((a) => a.extent).join(', ')}]`;
  const reads = [...readsOf(kernel).keys()].map((n) => `%${n.id}`).join(' ');
  const writes = writesOf(kernel)
    .map((n) => `%${n.id}:${typeText(n.dtype, n.shape)}`)
    .join(' ');
  const domain =
    kernel.kind === 'contract'
      ? `batch ${list(kernel.batch)} rows ${list(kernel.m)} columns ${list(kernel.n)} sum ${list(kernel.k)}`
      : kernel.kind === 'loops'
        ? `${list(kernel.axes)} reducing ${list(kernel.axes.filter((a) => kernel.reduced.has(a.id)))}`
        : '';
  return `k${i} ${kernel.name} (${kernel.kind}) ${domain}: ${reads} -> ${writes}`;
}
