import { zeros } from '../core/create.ts';
import { Tensor } from '../core/tensor.ts';
import { tracing } from '../core/trace.ts';
import type { Variable } from '../core/variable.ts';
import type { DType } from '../graph/dtype.ts';
import { isFloat } from '../graph/dtype.ts';
import { isOp, type Node, sizeOf, topological } from '../graph/node.ts';
import { intercept } from './hooks.ts';
import type { Module } from './module.ts';
import { Parametrization } from './parametrization.ts';

/** One line of a summary. */
export interface LayerSummary {
  /** Path in the model. Empty for what the model's own `forward` computes outside of its layers. */
  name: string;
  /** Class of the layer. */
  type: string;
  /** Shape of what it returned last, of the first array if there were several; null if there was none. */
  output: readonly number[] | null;
  /** Elements of its parameters, each counted where it occurs first. */
  parameters: number;
  /** Floating-point operations, see {@link summarize}. */
  flops: number;
}

/** A model in numbers. */
export interface ModelSummary {
  layers: LayerSummary[];
  /** Elements of all parameters. */
  parameters: number;
  /** Of those, how many are trained. */
  trainable: number;
  flops: number;
}

/** Shapes of a model's inputs, batch included: one shape, or one for each input. */
export type InputShapes = readonly number[] | readonly (readonly number[])[];

const shapesOf = (shapes: InputShapes): readonly (readonly number[])[] =>
  shapes.length > 0 && Array.isArray(shapes[0])
    ? (shapes as readonly (readonly number[])[])
    : [shapes as readonly number[]];

/** The arrays in what a forward returned. */
const arraysOf = (value: unknown): Tensor[] => {
  if (value instanceof Tensor) return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(arraysOf);
};

/** Modules that summaries count as one: those without others inside, but for parametrizations of weights. */
const isLeaf = (module: Module): boolean =>
  !(module instanceof Parametrization) &&
  module.namedModules().every(([name, inner]) => name === '' || inner instanceof Parametrization);

/**
 * Counts parameters and operations of a model for an input of the given shape (with its batch axis), by recording one
 * forward pass in evaluation mode; nothing is computed. Operations: 2 for each multiplication with addition in matrix
 * products and convolutions (padding counted as if it were data), 1 for each element of elementwise arithmetic on floats, 1
 * for each input of a reduction.
 *
 * @param options.dtype of the input, default float32
 */
export function summarize(
  model: Module,
  inputShape: InputShapes,
  options: { dtype?: DType } = {},
): ModelSummary {
  const modules = model.namedModules();
  const leaves = modules.filter(([, module]) => isLeaf(module));
  const calls: { module: Module; from: number; to: number; output: unknown }[] = [];
  const restoreModes = model.evalForNow();
  let result: unknown;
  // What was there before, such as how first values of parameters are to be computed, is not part of the pass.
  const start = zeros([]).node.id;
  const observed: (() => void)[] = [];
  try {
    for (const [, module] of leaves) observed.push(observe(module, calls));
    const callable = model as unknown as { forward(...inputs: Tensor[]): unknown };
    const inputs = shapesOf(inputShape).map((shape) => zeros(shape, options));
    result = tracing(() => callable.forward(...inputs));
  } finally {
    for (const stop of observed) stop();
    restoreModes();
  }
  const roots = [result, ...calls.map((call) => call.output)].flatMap(arraysOf).map((x) => x.node);
  const nodes = topological(roots, (node) => node.id < start).filter((node) => node.id > start);
  const owner = (node: Node) =>
    calls.find((call) => node.id > call.from && node.id <= call.to)?.module ?? null;
  const flops = new Map<Module | null, number>();
  for (const node of nodes) {
    flops.set(owner(node), (flops.get(owner(node)) ?? 0) + operationsOf(node));
  }
  const counted = new Set<Variable>();
  const layers = leaves.map(([name, module]): LayerSummary => {
    const output = calls.findLast((call) => call.module === module)?.output;
    let parameters = 0;
    for (const [, parameter] of module.namedParameters()) {
      if (!counted.has(parameter)) parameters += sizeOf(parameter.shape);
      counted.add(parameter);
    }
    return {
      name,
      type: module.constructor.name,
      output: arraysOf(output)[0]?.shape ?? null,
      parameters,
      flops: flops.get(module) ?? 0,
    };
  });
  const all = model.namedParameters().map(([, parameter]) => parameter);
  const own = all.filter((parameter) => !counted.has(parameter));
  const rest = flops.get(null) ?? 0;
  if (!leaves.some(([, module]) => module === model) && (rest > 0 || own.length > 0))
    layers.push({
      name: '',
      type: model.constructor.name,
      output: arraysOf(result)[0]?.shape ?? null,
      parameters: elements(own),
      flops: rest,
    });
  return {
    layers,
    parameters: elements(all),
    trainable: elements(all.filter((parameter) => parameter.trainable)),
    flops: layers.reduce((sum, layer) => sum + layer.flops, 0),
  };
}

/** Notes which graph nodes a module's forward makes: those whose numbers lie between the two around the call. */
function observe(
  module: Module,
  calls: { module: Module; from: number; to: number; output: unknown }[],
): () => void {
  return intercept(module, (call, inputs) => {
    const from = zeros([]).node.id;
    const output = call(inputs);
    calls.push({ module, from, to: zeros([]).node.id, output });
    return output;
  });
}

const elements = (variables: readonly Variable[]): number =>
  variables.reduce((sum, variable) => sum + sizeOf(variable.shape), 0);

function operationsOf(node: Node): number {
  if (isOp(node, 'contract')) return 2 * sizeOf(node.attributes.sizes);
  if (node.op === 'reduce') return isFloat(node.dtype) ? sizeOf(node.inputs[0].shape) : 0;
  const arithmetic = ['unary', 'binary', 'select'].includes(node.op);
  return arithmetic && isFloat(node.dtype) ? sizeOf(node.shape) : 0;
}

/**
 * A table of a model's layers: output shapes, parameters and floating-point operations for one forward pass of an input of
 * `inputShape`, batch included: `console.log(summary(model, [1, 28, 28, 1]))`; a list of shapes for several inputs. See {@link summarize} for what is counted.
 */
export function summary(model: Module, inputShape: InputShapes, options: { dtype?: DType } = {}): string {
  const { layers, parameters, trainable, flops } = summarize(model, inputShape, options);
  const number = (n: number) => n.toLocaleString('en-US');
  const rows = [
    ['layer', 'output', 'parameters', 'FLOPs'],
    ...layers.map((layer) => [
      layer.name === '' ? `${layer.type} (outside of layers)` : `${layer.name} (${layer.type})`,
      layer.output === null ? '-' : `[${layer.output.join(', ')}]`,
      number(layer.parameters),
      number(layer.flops),
    ]),
    ['total', '', number(parameters), number(flops)],
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  '),
  );
  const rule = '-'.repeat(lines[0].length);
  const frozen = parameters - trainable;
  return [
    lines[0],
    rule,
    ...lines.slice(1, -1),
    rule,
    lines[lines.length - 1],
    ...(frozen > 0 ? [`of these parameters ${number(frozen)} are frozen`] : []),
  ].join('\n');
}
