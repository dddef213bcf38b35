import { storageOf } from '../../core/evaluate.ts';
import { Tensor } from '../../core/tensor.ts';
import { Variable } from '../../core/variable.ts';
import { type DType, isFloat } from '../../graph/dtype.ts';
import { sizeOf, typeText } from '../../graph/node.ts';
import { nodeModule } from '../../runtime/node_modules.ts';
import { evaluateReference } from '../../runtime/reference/evaluate.ts';
import { ReadError, readBytes } from '../load.ts';
import { FormatError } from '../safetensors_format.ts';
import { arrangement } from './arrangement.ts';
import { Call, type Operators } from './call.ts';
import { dtypeOf, type Elements, elementsOf } from './elements.ts';
import { elementwise } from './elementwise.ts';
import { decodeModel, type GraphMessage, type NodeMessage, type TensorMessage } from './model.ts';
import { recurrent } from './recurrent.ts';
import { reductions } from './reductions.ts';
import { resize } from './resize.ts';
import { spatial } from './spatial.ts';
import { Value } from './value.ts';

const operators: Operators = {
  ...elementwise,
  ...arrangement,
  ...reductions,
  ...spatial,
  ...recurrent,
  ...resize,
};

/** Versions of ONNX's operators that are read. Those before 13 as far as they say the same. */
const versions = [7, 21] as const;

/** Results of more elements than that are taken for a mistake of the file. */
const largest = 2 ** 28;

/** Results of at most so many elements that depend on nothing that is fed are computed at once: shapes above all. */
const foldable = 4096;

/** An input or output of a model. */
export interface OnnxValue {
  readonly name: string;
  /** Numbers; names for extents that may vary; null for those of which nothing is said. Null: any shape. */
  readonly shape: readonly (number | string | null)[] | null;
  readonly dtype: DType;
}

/** An ONNX model over arrays. */
export interface OnnxModel {
  /** What has to be fed, in order; weights are not among them. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** The weights by their names in the file: `valueAndGrad(f, model.weights)` and optimizers take them. */
  readonly weights: Readonly<Record<string, Variable>>;
  /** The version of ONNX's operators that the file uses. */
  readonly opset: number;
  /**
   * The outputs by name, from the inputs by name; an array alone is the first input. Consists of operations on arrays, so it may be
   * jitted, vmapped, differentiated.
   *
   * @throws if an input is missing or of another shape or dtype than the model says, or an operator does not fit its inputs
   */
  run(feeds: Tensor | Readonly<Record<string, Tensor>>): Record<string, Tensor>;
  /** The first output from the inputs in order. */
  forward(...inputs: Tensor[]): Tensor;
  /** The weights, for optimizers. */
  parameters(): Variable[];
}

const nodeText = ({ name, op, outputs }: NodeMessage): string =>
  `${op} ${JSON.stringify(name || outputs[0] || '')}`;

/** Every node of a graph and of the graphs inside. */
function* allNodes(graph: GraphMessage): Generator<NodeMessage> {
  for (const node of graph.nodes) {
    yield node;
    for (const { g } of node.attributes.values()) if (g !== null) yield* allNodes(g);
  }
}

function requireSupported(graph: GraphMessage, opset: number, what: string): void {
  if (opset < versions[0] || opset > versions[1])
    throw new FormatError(
      `${what}: version ${opset} of ONNX's operators is not supported; versions ${versions.join(' to ')} are`,
    );
  const missing = new Map<string, string[]>();
  for (const node of allNodes(graph)) {
    if (node.domain === '' && Object.hasOwn(operators, node.op)) continue;
    const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
    missing.set(op, [...(missing.get(op) ?? []), JSON.stringify(node.name || node.outputs[0] || '')]);
  }
  if (missing.size > 0)
    throw new FormatError(
      `${what}: these operators are not supported: ${[...missing].map(([op, names]) => `${op} (${names.join(', ')})`).join('; ')}`,
    );
  if (graph.sparse.length > 0)
    throw new FormatError(`${what}: sparse weights are not supported: ${graph.sparse.join(', ')}`);
}

/** Reads data that lie in files beside the model's. */
function externalReader(path: string | null, what: string) {
  const files = new Map<string, Uint8Array>();
  return (tensor: TensorMessage, bytes: number): Uint8Array => {
    const location = tensor.external?.get('location') ?? '';
    const name = JSON.stringify(tensor.name);
    if (path === null)
      throw new FormatError(
        `${what}: the data of ${name} are in another file, ${JSON.stringify(location)}; load the model by its path`,
      );
    const { dirname, isAbsolute, join } = nodeModule('node:path', 'loadOnnx');
    if (location === '' || isAbsolute(location) || location.split(/[\\/]/).includes('..'))
      throw new FormatError(
        `${what}: the data of ${name} are said to be in ${JSON.stringify(location)}; only files beside the model are read`,
      );
    const file = join(dirname(path), location);
    let content = files.get(file);
    if (content === undefined) {
      try {
        content = nodeModule('node:fs', 'loadOnnx').readFileSync(file);
      } catch (error) {
        throw new ReadError(file, `it has the data of ${name}: ${(error as Error).message}`, error);
      }
      files.set(file, content);
    }
    const offset = Number(tensor.external?.get('offset') ?? 0);
    const length = Number(tensor.external?.get('length') ?? bytes);
    if (!(offset >= 0 && length >= 0 && offset + length <= content.length))
      throw new FormatError(
        `${what}: the data of ${name} would be bytes ${offset} to ${offset + length} of ${file}, which has ${content.length}`,
      );
    return content.subarray(offset, offset + length);
  };
}

/**
 * Reads an ONNX model (operators of versions 13 to 21; older ones from 7 on as far as they say the same) and makes it a function of
 * arrays. Weights of float types become variables; shapes that the graph computes are worked out while it runs. 16-bit floats
 * become float32, 64-bit integers int32.
 *
 * @param source a path, or the bytes of a file
 * @throws ReadError if there is no such file; FormatError if it is damaged or has operators that are not supported, all of which the
 * message lists with their nodes
 */
export async function loadOnnx(source: string | Uint8Array): Promise<OnnxModel> {
  const what = typeof source === 'string' ? source : 'loadOnnx';
  const model = decodeModel(typeof source === 'string' ? await readBytes(source) : source, what);
  const { graph } = model;
  const opset = model.opsets.get('') as number;
  requireSupported(graph, opset, what);
  const external = externalReader(typeof source === 'string' ? source : null, what);

  /** Constants of nodes and of graphs inside, decoded once. */
  const decoded = new Map<TensorMessage, Elements>();
  const elements = (tensor: TensorMessage): Elements => {
    let found = decoded.get(tensor);
    if (found === undefined) decoded.set(tensor, (found = elementsOf(tensor, what, external)));
    return found;
  };
  const ofAttribute = (node: NodeMessage, attribute: string): Elements =>
    elements(node.attributes.get(attribute)!.t!);

  const weights: Record<string, Variable> = {};
  const initial = new Map<string, Elements>();
  const constants = new Map<string, Value>();
  for (const tensor of graph.initializers) {
    const content = elements(tensor);
    const value = Value.known(JSON.stringify(tensor.name), content);
    if (isFloat(content.dtype) && content.shape.length > 0 && content.data.length > 0) {
      initial.set(tensor.name, content);
      weights[tensor.name] = new Variable(value.tensor, { name: tensor.name });
    } else constants.set(tensor.name, value);
  }
  const given = new Set(graph.initializers.map(({ name }) => name));
  const describe = ({ name, type, shape }: GraphMessage['inputs'][number]): OnnxValue => ({
    name,
    shape,
    dtype: dtypeOf(type, `${what}: ${JSON.stringify(name)}`),
  });
  const inputs = graph.inputs.filter(({ name }) => !given.has(name)).map(describe);
  const outputs = graph.outputs.map(describe);

  /** The values of the outputs of a graph whose names are in `scope`. */
  function evaluate(body: GraphMessage, scope: Map<string, Value>): Value[] {
    const find = (name: string): Value => {
      const value = scope.get(name);
      if (value === undefined) throw new Error(`nothing is called ${JSON.stringify(name)} at this place`);
      return value;
    };
    const inner = (sub: GraphMessage, arguments_: readonly Value[]): Value[] => {
      const names = new Map(scope);
      for (const tensor of sub.initializers)
        names.set(tensor.name, Value.known(JSON.stringify(tensor.name), elements(tensor)));
      sub.inputs.forEach(({ name }, i) => {
        names.set(name, arguments_[i]);
      });
      return evaluate(sub, names);
    };
    for (const node of body.nodes) {
      try {
        const operands = node.inputs.map((name) => (name === '' ? null : find(name)));
        const results = operators[node.op](new Call(node, opset, operands, ofAttribute, inner));
        const list = Array.isArray(results)
          ? (results as readonly (Tensor | Value)[])
          : [results as Tensor | Value];
        const values = folded(node, operands, list);
        node.outputs.forEach((name, i) => {
          if (name === '') return;
          if (values[i] === undefined) throw new Error(`there is no output ${i}`);
          scope.set(name, values[i]);
        });
      } catch (error) {
        throw new Error(`${what}: ${nodeText(node)}: ${(error as Error).message}`, { cause: error });
      }
    }
    return body.outputs.map(({ name }) => {
      if (!scope.has(name))
        throw new FormatError(`${what}: nothing computes the output ${JSON.stringify(name)}`);
      return find(name);
    });
  }

  function run(feeds: Tensor | Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const named = feeds instanceof Tensor ? { [inputs[0]?.name ?? '']: feeds } : feeds;
    const scope = new Map(constants);
    for (const [name, variable] of Object.entries(weights))
      scope.set(name, Value.weight(variable.value, initial.get(name)!));
    for (const input of inputs) scope.set(input.name, Value.of(fed(input, named[input.name], what)));
    const known = new Set(inputs.map(({ name }) => name));
    for (const name of Object.keys(named))
      if (!known.has(name))
        throw new Error(
          `${what}: there is no input ${JSON.stringify(name)}; inputs are ${[...known].join(', ')}`,
        );
    const values = evaluate(graph, scope);
    return Object.fromEntries(outputs.map(({ name }, i) => [name, values[i].tensor]));
  }

  return {
    inputs,
    outputs,
    weights,
    opset,
    run,
    forward: (...arrays) =>
      run(Object.fromEntries(arrays.map((array, i) => [inputs[i]?.name ?? `input ${i}`, array])))[
        outputs[0].name
      ],
    parameters: () => Object.values(weights),
  };
}

/** An array that is fed, if it fits what the model says. */
function fed({ name, shape, dtype }: OnnxValue, value: Tensor | undefined, what: string): Tensor {
  const asked = `${dtype}[${shape === null ? '...' : shape.map((n) => n ?? '?').join(', ')}]`;
  if (value === undefined)
    throw new Error(`${what}: the input ${JSON.stringify(name)} of ${asked} is missing`);
  const fits =
    value.dtype === dtype &&
    (shape === null ||
      (shape.length === value.ndim && shape.every((n, i) => typeof n !== 'number' || n === value.shape[i])));
  if (!fits)
    throw new Error(
      `${what}: the input ${JSON.stringify(name)} must be ${asked}, got ${typeText(value.dtype, value.shape)}`,
    );
  return value;
}

/** The results of a node; small ones whose operands never change are computed now. */
function folded(
  node: NodeMessage,
  operands: readonly (Value | null)[],
  results: readonly (Tensor | Value)[],
): Value[] {
  const fixed = operands.every((value) => value === null || value.constant);
  return results.map((result) => {
    if (result instanceof Value) return result;
    const { shape, dtype } = result;
    const size = sizeOf(shape);
    if (size > largest) throw new Error(`the result would be ${typeText(dtype, shape)}, which is too large`);
    if (!fixed || size > foldable) return Value.of(result);
    const data = evaluateReference([result.node], (given) => storageOf(given).read()).get(result.node)!;
    return Value.known(nodeText(node), { shape, dtype, data });
  });
}

/** The operators of ONNX that {@link loadOnnx} knows, in alphabetical order. */
export const onnxOperators: readonly string[] = Object.keys(operators).sort();
