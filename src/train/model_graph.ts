import { zeros } from '../core/create.ts';
import { type Recording, record } from '../core/record.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Cell } from '../core/trace.ts';
import type { DType } from '../graph/dtype.ts';
import { type Node, topological } from '../graph/node.ts';
import { MessageWriter } from '../io/wire.ts';
import { intercept } from '../nn/hooks.ts';
import type { Module } from '../nn/module.ts';
import { shapeMessage } from './summaries.ts';

/** Models as TensorFlow's `GraphDef`, which TensorBoard's Graphs dashboard draws. */

/** Numbers of TensorFlow's `DataType`. */
const typeNumbers: Readonly<Record<DType, number>> = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint32: 22,
  bool: 10,
  float16: 19,
  bfloat16: 14,
};

/** One operation of a drawn graph. */
export interface GraphNode {
  /** Its place in the model, levels divided by slashes. */
  readonly name: string;
  /** What it computes. */
  readonly op: string;
  readonly inputs: readonly string[];
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Shown with the operation. */
  readonly remarks?: Readonly<Record<string, string>>;
}

/** More operations are drawn as their modules. */
const mostOperations = 3000;

const message = (): MessageWriter => new MessageWriter();
const encoder = new TextEncoder();

/** A `GraphDef` of operations, inputs before users. */
export function graphDefinition(nodes: readonly GraphNode[]): Uint8Array {
  const graph = message();
  for (const { name, op, inputs, dtype, shape, remarks = {} } of nodes) {
    const node = message().text(1, name).text(2, op);
    for (const input of inputs) node.text(3, input);
    const attribute = (key: string, value: MessageWriter) =>
      node.message(5, message().text(1, key).message(2, value));
    attribute('T', message().integer(6, typeNumbers[dtype]));
    attribute('_output_shapes', message().message(1, message().message(7, shapeMessage(shape))));
    for (const [key, value] of Object.entries(remarks).sort(([a], [b]) => (a < b ? -1 : 1)))
      attribute(key, message().bytes(2, encoder.encode(value)));
    graph.message(1, node);
  }
  // VersionDef with a producer of today.
  return graph.message(4, message().integer(1, 1882)).finish();
}

/** Names in a graph may have letters, digits and _.\-/ only. */
const safe = (name: string): string => name.replace(/[^\w.\-/]/g, '_').replace(/^[^A-Za-z0-9.]/, 'x$&');

/** What of an operation's attributes is worth showing. */
function kindOf(node: Node): { op: string; remarks: Record<string, string> } {
  const attributes = node.attributes as Readonly<Record<string, unknown>>;
  // unary, binary, compare, reduce: `kind` says which.
  const named = ['unary', 'binary', 'compare', 'reduce', 'argreduce', 'prefix'].includes(node.op);
  const kind = Object.values(attributes).find((value) => typeof value === 'string');
  const remarks: Record<string, string> = {};
  for (const [key, value] of Object.entries(attributes)) {
    const short = ['string', 'number', 'boolean'].includes(typeof value);
    const list =
      Array.isArray(value) && value.every((item) => typeof item === 'number') && value.length <= 16;
    if (short || list) remarks[key] = list ? `[${(value as number[]).join(', ')}]` : String(value);
  }
  return { op: named && typeof kind === 'string' ? kind : node.op, remarks };
}

/** Gives names out, each once. */
function namer(): (name: string) => string {
  const taken = new Set<string>();
  return (wanted) => {
    const name = safe(wanted);
    let free = name;
    for (let i = 1; taken.has(free); i++) free = `${name}_${i}`;
    taken.add(free);
    return free;
  };
}

/**
 * A model as TensorBoard draws it: every operation of one forward pass in evaluation mode, with its shape, inside of the
 * module that does it. Without an example parameters and buffers alone. Nothing is computed. Where there are more than 3,000
 * operations, as in loops that are unrolled, those of a module are drawn as one, `forward`.
 *
 * ```ts
 * writer.graph(modelGraph(model, zeros([1, 28, 28, 1])));
 * ```
 *
 * @param examples of which only shapes and dtypes count
 * @returns a `GraphDef` as a protocol buffer, for {@link EventWriter.graph}
 */
export function modelGraph(model: Module, ...examples: readonly Tensor[]): Uint8Array {
  if (examples.length === 0) return graphDefinition(variableNodes(model));
  const nodes = operationNodes(model, examples);
  return graphDefinition(nodes.length > mostOperations ? joined(nodes) : nodes);
}

/** Operations of each module as one. Edges against the order in which modules begin are left out, so that there are no cycles. */
export function joined(nodes: readonly GraphNode[]): GraphNode[] {
  const kept = new Set(['Placeholder', 'Variable', 'Identity']);
  const groupOf = new Map<string, string>();
  const groups = new Map<string, { node: GraphNode; inputs: Set<string>; place: number }>();
  for (const node of nodes) {
    const scope = node.name.slice(0, Math.max(0, node.name.lastIndexOf('/')));
    const group = kept.has(node.op) ? node.name : scope === '' ? 'forward' : `${scope}/forward`;
    groupOf.set(node.name, group);
    const own = groups.get(group) ?? { node, inputs: new Set<string>(), place: groups.size };
    for (const input of node.inputs) {
      const from = groupOf.get(input);
      if (from !== undefined && from !== group) own.inputs.add(from);
    }
    // What it looks like at its end.
    groups.set(group, { ...own, node });
  }
  return [...groups].map(([name, { node, inputs, place }]) => ({
    name,
    op: kept.has(node.op) ? node.op : 'forward',
    inputs: [...inputs].filter((input) => (groups.get(input)?.place ?? place) < place),
    dtype: node.dtype,
    shape: node.shape,
  }));
}

/** Parameters and buffers inside of their modules. */
function variableNodes(model: Module): GraphNode[] {
  const unique = namer();
  return model.namedVariables().map(([name, variable]) => ({
    name: unique(name.replaceAll('.', '/')),
    op: 'Variable',
    inputs: [],
    dtype: variable.dtype,
    shape: variable.shape,
  }));
}

/** A time at which a module's forward ran: it made the nodes with numbers between the two. */
interface Call {
  readonly path: string;
  readonly from: number;
  to: number;
}

/** The number of the newest node. */
const newest = (): number => zeros([]).node.id;

/** The operations of a forward pass. */
export function operationNodes(model: Module, examples: readonly Tensor[]): GraphNode[] {
  const calls: Call[] = [];
  const stops: (() => void)[] = [];
  const restoreModes = model.evalForNow();
  let recording: Recording;
  try {
    for (const [path, module] of model.namedModules())
      stops.push(
        intercept(module, (call, inputs) => {
          const own: Call = { path, from: newest(), to: Number.POSITIVE_INFINITY };
          // In the order of their beginnings, so that the last one that fits is the innermost.
          calls.push(own);
          const output = call(inputs);
          own.to = newest();
          return output;
        }),
      );
    recording = record(
      'modelGraph',
      examples.map(({ shape, dtype }) => ({ shape, dtype })),
      (leaves) => (model as unknown as { forward(...inputs: Tensor[]): unknown }).forward(...leaves),
    );
  } finally {
    for (const stop of stops) stop();
    restoreModes();
  }
  return namedNodes(model, recording, calls);
}

function namedNodes(model: Module, recording: Recording, calls: readonly Call[]): GraphNode[] {
  const unique = namer();
  const names = new Map<Node, string>();
  const drawn: GraphNode[] = [];
  const draw = (node: Node, name: string, op: string, remarks: Record<string, string> = {}) => {
    const inputs = node.inputs.flatMap((input) => names.get(input) ?? []);
    const own = unique(name);
    names.set(node, own);
    drawn.push({ name: own, op, inputs, dtype: node.dtype, shape: node.shape, remarks });
  };
  recording.inputs.forEach((node, i) => {
    draw(node, recording.inputs.length === 1 ? 'input' : `input${i}`, 'Placeholder');
  });
  const own = new Map<Cell, string>(model.namedVariables().map(([name, variable]) => [variable, name]));
  recording.cells.forEach((cell, i) => {
    draw(recording.contents[i], (own.get(cell) ?? 'variable').replaceAll('.', '/'), 'Variable');
  });
  const roots = recording.out.leaves.map(({ node }) => node);
  for (const node of topological(roots, (n) => n.id < recording.first || names.has(n))) {
    // What follows from constants alone is a constant, and would only be in the way.
    if (names.has(node) || !node.inputs.some((input) => names.has(input))) continue;
    const path = calls.findLast(({ from, to }) => node.id > from && node.id <= to)?.path ?? '';
    const { op, remarks } = kindOf(node);
    draw(node, `${path === '' ? '' : `${path.replaceAll('.', '/')}/`}${op}`, op, remarks);
  }
  roots.forEach((node, i) => {
    const name = unique(roots.length === 1 ? 'output' : `output${i}`);
    const inputs = names.has(node) ? [names.get(node)!] : [];
    drawn.push({ name, op: 'Identity', inputs, dtype: node.dtype, shape: node.shape });
  });
  return drawn;
}
