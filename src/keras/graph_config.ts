import { zeros } from '../core/create.ts';
import { Tensor } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import { type LayerDescription, layersFor, NoSuchLayer } from './to_config.ts';
import { attributesOf } from './weights.ts';

/** Functional models of Keras for models of `nabla/nn` that are graphs. */

/** A layer of the model, with its calls. */
export interface GraphLayer {
  readonly description: LayerDescription;
  readonly calls: GraphCall[];
  /** What Keras calls it. */
  name: string;
}

/** One call of a layer. */
interface GraphCall {
  readonly layer: GraphLayer;
  readonly index: number;
  readonly inputs: readonly GraphCall[];
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Whether the layer takes a list. */
  readonly isMerge: boolean;
}

/** A value of the graph: the call that gives it, and an example. */
class Known {
  readonly call: GraphCall;
  readonly array: Tensor;

  constructor(call: GraphCall, array: Tensor) {
    this.call = call;
    this.array = array;
  }
}

/** A model as Keras's layers, in the order in which it lists them, which says where their weights are. */
export interface GraphDescription {
  readonly layers: readonly GraphLayer[];
  readonly inputs: readonly GraphCall[];
  readonly outputs: readonly GraphCall[];
}

const merges: readonly (readonly [new (...options: never[]) => nn.Module, string])[] = [
  [nn.Add, 'Add'],
  [nn.Subtract, 'Subtract'],
  [nn.Multiply, 'Multiply'],
  [nn.Average, 'Average'],
  [nn.Maximum, 'Maximum'],
  [nn.Minimum, 'Minimum'],
  [nn.Concatenate, 'Concatenate'],
];

function mergeFor(module: nn.Module): LayerDescription | null {
  for (const [Class, className] of merges)
    if (module instanceof Class)
      return {
        className,
        fields: module instanceof nn.Concatenate ? { axis: module.axis } : {},
        module: null,
      };
  return null;
}

const valuesIn = (outputs: nn.GraphOutputs): nn.GraphValue<unknown>[] =>
  outputs instanceof nn.GraphValue ? [outputs] : Object.values(outputs).flatMap(valuesIn);

/**
 * The layers of Keras for a graph.
 *
 * @param shapes of one example of each input
 * @throws NoSuchLayer that lists every step without one
 */
export function describeGraph(
  model: nn.Model<nn.GraphOutputs>,
  shapes: readonly (readonly number[])[],
): GraphDescription {
  const { inputs, steps, outputs } = model.graph;
  const missing: string[] = [];
  const known = new Map<nn.GraphValue<unknown>, Known>();
  const layersOf = new Map<nn.Module, readonly GraphLayer[]>();
  const called = (
    layer: GraphLayer,
    from: readonly GraphCall[],
    array: Tensor,
    isMerge: boolean,
  ): GraphCall => {
    const call = {
      layer,
      index: layer.calls.length,
      inputs: from,
      shape: array.shape,
      dtype: array.dtype,
      isMerge,
    };
    layer.calls.push(call);
    return call;
  };
  const layerOf = (description: LayerDescription): GraphLayer => ({ description, calls: [], name: '' });

  for (const [i, input] of inputs.entries()) {
    const isText = steps.some((value) => value.step instanceof nn.Embedding && value.inputs.includes(input));
    const dtype = isText ? 'int32' : 'float32';
    const array = zeros([1, ...shapes[i]], { dtype });
    const fields = { batch_shape: [null, ...shapes[i]], dtype };
    const layer = layerOf({ className: 'InputLayer', fields, module: null });
    layer.name = input.name;
    known.set(input, new Known(called(layer, [], array, false), array));
  }
  for (const value of steps) {
    const { step } = value;
    const given = value.inputs.map((x) => (x instanceof nn.GraphValue ? known.get(x) : x));
    // Behind a step with several results nothing is known.
    if (given.includes(undefined)) continue;
    const from = given.filter((x) => x instanceof Known);
    const arrays = given.map((x) => (x instanceof Known ? x.array : x)) as never[];
    const array = typeof step === 'function' ? step(...arrays) : step!.forward(...arrays);
    if (!(array instanceof Tensor)) {
      missing.push(`${value.name} (with several results)`);
      continue;
    }
    let calls: readonly GraphCall[] = from.map((x) => x.call);
    try {
      if (!(step instanceof nn.Module)) throw new NoSuchLayer(`the function ${value.name}`);
      if (from.length !== given.length) throw new NoSuchLayer(`${value.name} (with options)`);
      const merge = mergeFor(step);
      if (merge === null && from.length !== 1) throw new NoSuchLayer(`${value.name} (with several inputs)`);
      const layers =
        layersOf.get(step) ?? (merge === null ? layersFor(step, from[0].array) : [merge]).map(layerOf);
      layersOf.set(step, layers);
      // Of what lies between the layers of one module nobody asks the shape but the last.
      for (const layer of layers) calls = [called(layer, calls, array, merge !== null)];
    } catch (error) {
      if (!(error instanceof NoSuchLayer)) throw error;
      // What follows is looked at too, so that one error names everything.
      missing.push(error.message);
    }
    known.set(value, new Known(calls[0], array));
  }
  if (missing.length > 0) throw new NoSuchLayer(missing.join('; '));
  const results = valuesIn(outputs).map((value) => known.get(value)!.call);
  const layers = inKerasOrder(
    results,
    inputs.map((input) => known.get(input)!.call),
  );
  const unnamed = layers.filter(({ description }) => description.className !== 'InputLayer');
  for (const [i, name] of attributesOf(unnamed.map(({ description }) => description)).entries())
    unnamed[i].name = name;
  distinguish(layers);
  return { layers, inputs: inputs.map((input) => known.get(input)!.call), outputs: results };
}

/** Inputs may have the names of layers, or of each other. */
function distinguish(layers: readonly GraphLayer[]): void {
  const used = new Set(
    layers.flatMap(({ name, description }) => (description.className === 'InputLayer' ? [] : [name])),
  );
  for (const layer of layers) {
    if (layer.description.className !== 'InputLayer') continue;
    const first = layer.name;
    for (let i = 1; used.has(layer.name); i++) layer.name = `${first}_${i}`;
    used.add(layer.name);
  }
}

/**
 * Layers as Keras puts them: those farthest from the outputs first, equals as a search from the outputs meets them. The weights
 * of layers of one class are counted in this order.
 */
function inKerasOrder(outputs: readonly GraphCall[], inputs: readonly GraphCall[]): GraphLayer[] {
  const met = new Map<GraphLayer, number>();
  const finished = new Set<GraphCall>();
  const fromInputs: GraphCall[] = [];
  const visit = (call: GraphCall): void => {
    if (finished.has(call)) return;
    if (!met.has(call.layer)) met.set(call.layer, met.size);
    for (const before of call.inputs) visit(before);
    finished.add(call);
    fromInputs.push(call);
  };
  for (const output of outputs) visit(output);
  const ofCalls = new Map<GraphCall, number>();
  const ofLayers = new Map<GraphLayer, number>();
  for (const call of fromInputs.reverse()) {
    const depth = Math.max(ofCalls.get(call) ?? 0, ofLayers.get(call.layer) ?? 0);
    ofLayers.set(call.layer, depth);
    for (const before of call.inputs) ofCalls.set(before, Math.max(depth + 1, ofCalls.get(before) ?? 0));
  }
  // Inputs that lead nowhere.
  for (const { layer } of inputs)
    if (!met.has(layer)) {
      met.set(layer, -1);
      ofLayers.set(layer, 0);
    }
  return [...met.keys()].sort((a, b) => ofLayers.get(b)! - ofLayers.get(a)! || met.get(a)! - met.get(b)!);
}

/** The configuration of a functional model. @param objectOf makes that of a layer */
export function graphConfig(
  { layers, inputs, outputs }: GraphDescription,
  name: string,
  objectOf: (description: LayerDescription, name: string) => object,
): object {
  const place = ({ layer, index }: GraphCall): [string, number, number] => [layer.name, index, 0];
  const tensor = (call: GraphCall): object => ({
    class_name: '__keras_tensor__',
    config: { shape: [null, ...call.shape.slice(1)], dtype: call.dtype, keras_history: place(call) },
  });
  return {
    name,
    trainable: true,
    layers: layers.map((layer) => ({
      ...objectOf(layer.description, layer.name),
      name: layer.name,
      inbound_nodes: layer.calls
        .filter(({ inputs: from }) => from.length > 0)
        .map(({ inputs: from, isMerge }) => ({
          args: isMerge ? [from.map(tensor)] : from.map(tensor),
          kwargs: {},
        })),
    })),
    input_layers: inputs.map(place),
    output_layers: outputs.map(place),
  };
}
