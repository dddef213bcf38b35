import { storageOf } from '../../core/evaluate.ts';
import { assignedCells, record } from '../../core/record.ts';
import type { Tensor } from '../../core/tensor.ts';
import { Variable } from '../../core/variable.ts';
import { isOp, type Node, topological } from '../../graph/node.ts';
import { MessageWriter } from '../wire.ts';
import { Emitter, valueInfo } from './emitter.ts';
import { pendingNodes, translate, unsupported } from './export_rules.ts';

/** Version of ONNX's operators that is written, and of the format of files that goes with it. */
const [opset, irVersion] = [18, 8];

/** What can be exported: a function of arrays, or a model. */
export type Exportable =
  // biome-ignore lint/suspicious/noExplicitAny: functions of users may take and return any arrays
  ((...inputs: any[]) => unknown) | { forward(...inputs: any[]): unknown };

/** Options of {@link exportOnnx}. */
export interface ExportOnnxOptions {
  /** Names of the inputs. Default: `input`, or `input0`, `input1`, .. */
  readonly inputNames?: readonly string[];
  /** Names of the outputs. Default: `output`, or `output0`, .., or the keys of an object of arrays. */
  readonly outputNames?: readonly string[];
  /** The name of the graph. Default `nabla`. */
  readonly name?: string;
}

interface NamedVariables {
  namedVariables(): (readonly [name: string, variable: Variable])[];
}

const hasNames = (model: object): model is NamedVariables =>
  'namedVariables' in model && typeof model.namedVariables === 'function';

function namesFor(
  what: string,
  given: readonly string[] | undefined,
  otherwise: readonly string[],
): readonly string[] {
  if (given === undefined) return otherwise;
  if (given.length !== otherwise.length || new Set(given).size !== given.length)
    throw new Error(
      `exportOnnx: ${what} must be ${otherwise.length} different names, got ${JSON.stringify(given)}`,
    );
  return given;
}

const numbered = (name: string, count: number): string[] =>
  count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}${i}`);

/** Names of the outputs that follow from what the function returned. */
function outputNames(result: unknown, count: number): string[] {
  const keys = typeof result === 'object' && result !== null ? Object.keys(result).sort() : [];
  const prototype = Object.getPrototypeOf(result ?? null);
  const plain = prototype === Object.prototype && keys.length === count;
  return plain ? keys : numbered('output', count);
}

/** All that has no translation, of the graph and the bodies inside. */
function problemsOf(nodes: readonly Node[], into = new Map<string, number>()): Map<string, number> {
  for (const node of nodes) {
    const problem = unsupported(node);
    if (problem !== null) into.set(problem, (into.get(problem) ?? 0) + 1);
    else if (isOp(node, 'scan')) {
      const { inputs, outputs } = node.attributes.body;
      const ends = new Set(inputs);
      problemsOf(
        topological(outputs, (n) => ends.has(n)).filter((n) => !ends.has(n)),
        into,
      );
    }
  }
  return into;
}

/**
 * An ONNX file (operators of version 18) of what a function or a model computes for inputs of the examples' shapes and dtypes: the
 * function is recorded once, as by `jit`, and its graph translated. Variables become initializers under their names in the model.
 *
 * ```ts
 * model.eval();
 * await writeFile('model.onnx', exportOnnx(model, random.normal([1, 28, 28, 1])));
 * ```
 *
 * @param model a function of arrays, or an object with `forward`; bring models into `eval` mode before
 * @param examples arrays of which only shapes and dtypes count
 * @throws Error that lists all operations that ONNX has no operators for, such as random numbers; if the function assigns
 * variables, as batch norm in training does; if names do not fit
 */
export function exportOnnx(
  model: Exportable,
  examples: Tensor | readonly Tensor[],
  options: ExportOnnxOptions = {},
): Uint8Array {
  const given = Array.isArray(examples) ? (examples as readonly Tensor[]) : [examples as Tensor];
  const f = typeof model === 'function' ? model : (...inputs: unknown[]) => model.forward(...inputs);
  const recording = record(
    'exportOnnx',
    given.map(({ shape, dtype }) => ({ shape, dtype })),
    (leaves) => f(...leaves),
  );
  if (assignedCells(recording).length > 0)
    throw new Error(
      'exportOnnx: the function assigns variables, which an ONNX file cannot; call model.eval() before',
    );
  const roots = recording.out.leaves.map(({ node }) => node);
  if (roots.length === 0) throw new Error('exportOnnx: the function returns no array');
  const inputs = namesFor('inputNames', options.inputNames, numbered('input', given.length));
  const outputs = namesFor('outputNames', options.outputNames, outputNames(recording.result, roots.length));
  const overlap = outputs.find((name) => inputs.includes(name));
  if (overlap !== undefined)
    throw new Error(`exportOnnx: an input and an output are both called ${JSON.stringify(overlap)}`);

  const out = new Emitter();
  recording.inputs.forEach((node, i) => {
    out.set(node, inputs[i]);
  });
  const taken = new Set([...inputs, ...outputs]);
  const unique = (name: string): string => {
    let free = name;
    for (let i = 1; taken.has(free); i++) free = `${name}_${i}`;
    taken.add(free);
    return free;
  };
  const own = new Map<unknown, string>();
  if (hasNames(model)) for (const [name, variable] of model.namedVariables()) own.set(variable, name);
  const weight = (node: Node, value: Node, name: string): void => {
    out.set(node, out.weight(unique(name), storageOf(value).read(), value.shape, value.dtype));
  };
  recording.cells.forEach((cell, i) => {
    weight(
      recording.contents[i],
      cell.node,
      own.get(cell) ?? (cell instanceof Variable ? cell.name : 'variable'),
    );
  });
  // What was there before the function ran is a constant of it.
  const outside = (node: Node): boolean =>
    node.stored !== null || (node.id < recording.first && node.op !== 'constant' && node.op !== 'iota');
  const nodes = pendingNodes(roots, (node) => {
    if (out.has(node)) return true;
    if (outside(node)) weight(node, node, 'constant');
    return out.has(node);
  });
  const problems = problemsOf(nodes);
  if (problems.size > 0)
    throw new Error(
      `exportOnnx: ONNX has no operators for: ${[...problems].map(([what, count]) => (count === 1 ? what : `${what} (${count} times)`)).join(', ')}`,
    );
  translate(out, roots);
  roots.forEach((node, i) => {
    out.into([outputs[i]], 'Identity', [out.name(node)]);
  });
  const info = (names: readonly string[], list: readonly Node[]): MessageWriter[] =>
    list.map(({ shape, dtype }, i) => valueInfo(names[i], shape, dtype));
  const graph = out.graph(
    options.name ?? 'nabla',
    info(inputs, recording.inputs),
    info(outputs, roots),
    true,
  );
  return new MessageWriter()
    .integer(1, irVersion)
    .text(2, 'nabla')
    .message(7, graph)
    .message(8, new MessageWriter().text(1, '').integer(2, opset))
    .finish();
}
