import { FormatError } from '../io/index.ts';
import { isCount } from '../io/json.ts';
import { type Config, type Fields, isFields, layerConfig } from './config.ts';

/** Configurations of whole models, as a list of layers and of their calls: those of Keras 2, 3 and TensorFlow.js become one. */

/** A result of a call of a layer. */
export class Reference {
  readonly layer: string;
  /** Which of the layer's calls. */
  readonly node: number;
  /** Which of the call's results. */
  readonly result: number;

  constructor(layer: string, node: number, result: number) {
    this.layer = layer;
    this.node = node;
    this.result = result;
  }
}

/** What a layer is called with: references, numbers, lists of them. */
export interface CallDescription {
  readonly operands: readonly unknown[];
  readonly options: Fields;
}

/** A model. */
export interface Description {
  readonly name: string;
  readonly layers: readonly { readonly config: Config; readonly calls: readonly CallDescription[] }[];
  readonly inputs: readonly Reference[];
  readonly outputs: readonly (readonly [name: string, result: Reference])[];
}

/** Whether a class of Keras is a model. */
export const isModel = (className: string): boolean =>
  ['Sequential', 'Functional', 'Model'].includes(className);

/** The input of a sequential model that does not say so. */
const implicitInput = 'input';

/**
 * Takes a model's configuration apart.
 *
 * @throws FormatError that says what is wrong
 */
export function describeModel(config: Config): Description {
  const { layers } = config.fields;
  if (!Array.isArray(layers)) return config.fail('layers', 'a list of layers');
  const where = `${config.className} ${JSON.stringify(config.name)}`;
  const configs = layers.map((layer, i) => layerConfig(layer, `${where}: layer ${i}`));
  const names = new Set<string>();
  for (const { name } of configs) {
    if (names.has(name)) throw new FormatError(`${where}: two layers are called ${JSON.stringify(name)}`);
    names.add(name);
  }
  return config.className === 'Sequential' ? inSequence(config, configs) : asGraph(config, configs, layers);
}

function inSequence(config: Config, configs: readonly Config[]): Description {
  const [first] = configs;
  const isInput = first?.className === 'InputLayer';
  const start = new Reference(isInput ? first.name : implicitInput, 0, 0);
  let before = start;
  const described = configs.map((layer, i) => {
    if (isInput && i === 0) return { config: layer, calls: [] };
    const calls = [{ operands: [before], options: {} }];
    before = new Reference(layer.name, 0, 0);
    return { config: layer, calls };
  });
  return { name: config.name, layers: described, inputs: [start], outputs: [[before.layer, before]] };
}

function asGraph(config: Config, configs: readonly Config[], layers: readonly unknown[]): Description {
  const described = configs.map((layer, i) => {
    const { inbound_nodes: nodes = [] } = layers[i] as Fields;
    if (!Array.isArray(nodes))
      throw new FormatError(`${layer.className} ${JSON.stringify(layer.name)}: inbound_nodes is no list`);
    return { config: layer, calls: nodes.map((node) => callOf(node, layer)) };
  });
  const inputs = referencesIn(config, 'input_layers').map(([, reference]) => reference);
  const outputs = referencesIn(config, 'output_layers');
  return withoutOwnCalls({ name: config.name, layers: described, inputs, outputs }, isOld(layers));
}

/** Whether calls are lists, as Keras 2 and TensorFlow.js write them. */
const isOld = (layers: readonly unknown[]): boolean =>
  layers.some((layer) => {
    const nodes = (layer as Fields).inbound_nodes;
    return Array.isArray(nodes) && nodes.some((node) => Array.isArray(node));
  });

/**
 * Models inside of a model count the call that made them, which is not in the list: their first one in the list is number 1. So it is in
 * older files everywhere, and in those of Keras 3 for functional models where the outputs are listed.
 */
function withoutOwnCalls(model: Description, old: boolean): Description {
  const inCalls = model.layers.flatMap(({ calls }) =>
    calls.flatMap(({ operands, options }) => [...operands, ...Object.values(options)].flat(4)),
  );
  const all = [...model.outputs.map(([, reference]) => reference), ...inCalls].filter(
    (value) => value instanceof Reference,
  );
  const counts = ({ className, name }: Config): boolean =>
    isModel(className) &&
    (old
      ? all.every(({ layer, node }) => layer !== name || node > 0)
      : className !== 'Sequential' &&
        model.outputs.every(([, { layer, node }]) => layer !== name || node > 0));
  const shifted = new Set(
    model.layers.filter(({ config }) => counts(config)).map(({ config }) => config.name),
  );
  if (shifted.size === 0) return model;
  const shift = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shift);
    if (!(value instanceof Reference) || !shifted.has(value.layer)) return value;
    return new Reference(value.layer, value.node - 1, value.result);
  };
  return {
    ...model,
    layers: model.layers.map(({ config, calls }) => ({
      config,
      calls: !old
        ? calls
        : calls.map(({ operands, options }) => ({
            operands: operands.map(shift),
            options: Object.fromEntries(Object.entries(options).map(([name, value]) => [name, shift(value)])),
          })),
    })),
    outputs: model.outputs.map(([name, reference]) => [name, shift(reference) as Reference] as const),
  };
}

/** Inputs or outputs of a model: one `[layer, node, result]`, a list of them, or an object. */
function referencesIn(config: Config, key: string): [string, Reference][] {
  const value = config.fields[key];
  const single = oldReference(value);
  if (single !== null) return [[single.layer, single]];
  const entries = Array.isArray(value)
    ? value.map((item) => [null, item] as const)
    : isFields(value)
      ? Object.entries(value)
      : config.fail(key, 'a list of layers');
  const found: [string, Reference][] = [];
  for (const [name, item] of entries) {
    const reference = oldReference(item);
    if (reference === null) return config.fail(key, 'a list of layers with the numbers of call and result');
    const plain = name ?? reference.layer;
    const count = found.filter(([other]) => other.split(':')[0] === plain).length;
    found.push([count === 0 ? plain : `${plain}:${count}`, reference]);
  }
  return found;
}

/** `[layer, node, result]`, which in lists of arguments may have an object behind it. */
function oldReference(value: unknown): Reference | null {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4) return null;
  const [layer, node, result] = value;
  return typeof layer === 'string' && isCount(node) && isCount(result)
    ? new Reference(layer, node, result)
    : null;
}

/** One call of a layer, from either form. */
function callOf(node: unknown, layer: Config): CallDescription {
  const fail = (): never => {
    throw new FormatError(
      `${layer.className} ${JSON.stringify(layer.name)}: inbound_nodes has ${(JSON.stringify(node) ?? '').slice(0, 120)}, which is no call`,
    );
  };
  if (isFields(node)) {
    const { args, kwargs } = node;
    if (!Array.isArray(args)) return fail();
    const options = isFields(kwargs) ? kwargs : {};
    return {
      operands: args.map((value) => argumentOf(value)).flat(4),
      options: Object.fromEntries(Object.entries(options).map(([key, value]) => [key, argumentOf(value)])),
    };
  }
  if (!Array.isArray(node)) return fail();
  // Older forms: a list of references, each with what is given by name; of one, the list may be left out.
  const list = oldReference(node) === null ? node : [node];
  const operands = list.map((item) => oldReference(item) ?? fail());
  const options: Record<string, unknown> = {};
  for (const item of list)
    if (Array.isArray(item) && isFields(item[3]))
      for (const [key, value] of Object.entries(item[3])) options[key] = oldArgument(value);
  return { operands, options };
}

/** An argument as Keras 3 writes it. */
function argumentOf(value: unknown, depth = 0): unknown {
  if (depth > 8) throw new FormatError('an argument of a layer has too many lists inside of each other');
  if (Array.isArray(value)) return value.map((item) => argumentOf(item, depth + 1));
  if (!isFields(value)) return value;
  if (value.class_name === '__keras_tensor__' && isFields(value.config)) {
    const reference = oldReference(value.config.keras_history);
    if (reference !== null) return reference;
  }
  return value;
}

/** An argument by name as Keras 2 writes it. */
function oldArgument(value: unknown, depth = 0): unknown {
  if (depth > 8) throw new FormatError('an argument of a layer has too many lists inside of each other');
  const reference = oldReference(value);
  if (reference !== null) return reference;
  return Array.isArray(value) ? value.map((item) => oldArgument(item, depth + 1)) : value;
}
