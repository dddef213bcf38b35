import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../io/index.ts';
import { Module } from '../nn/index.ts';
import { type Description, Reference } from './description.ts';
import type { BuiltLayer, Call, MaskedOutputs } from './layer.ts';

/** One step of a model: a call of a layer. */
interface Step {
  readonly key: string;
  readonly layer: BuiltLayer;
  readonly operands: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

const keyOf = ({ layer, node }: { layer: string; node: number }): string => `${node}:${layer}`;

/**
 * A model of Keras, built from its configuration, with its weights: an ordinary module, to be called, trained, jitted, saved.
 *
 * Parameters are named by the layers: `dense.weight`, `lstm.kernel`. Dense layers and convolutions are those of `nabla/nn`
 * with its layouts, recurrent and attention layers keep Keras's (kernels [in, out], gates i, f, c, o and z, r, h), since they may have
 * activations and sizes that those of `nabla/nn` do not have.
 */
export class KerasModel extends Module {
  /** What Keras calls the model. */
  readonly name: string;
  /** `{ class_name, config }` as the file has it; null of a model inside of another. */
  readonly config: unknown;
  /** Names of the layers through which arrays come in, in the order of `forward`. */
  readonly inputNames: readonly string[];
  /** Names of the layers that give the outputs, in order. */
  readonly outputNames: readonly string[];
  /** Classes and names of Keras's layers, in the order of the configuration. */
  readonly layerClasses: readonly { readonly className: string; readonly name: string }[];
  readonly #layers: ReadonlyMap<string, BuiltLayer>;
  readonly #inputs: readonly Reference[];
  readonly #outputs: readonly Reference[];
  readonly #steps: readonly Step[];

  /** Made by {@link loadKeras} and {@link loadTfjsModel}. */
  constructor(description: Description, layers: ReadonlyMap<string, BuiltLayer>, config: unknown) {
    super();
    this.name = description.name;
    this.config = config;
    this.layerClasses = description.layers.map(({ config: { className, name } }) => ({ className, name }));
    this.#layers = layers;
    this.#inputs = description.inputs;
    this.#outputs = description.outputs.map(([, reference]) => reference);
    this.inputNames = description.inputs.map(({ layer }) => layer);
    this.outputNames = description.outputs.map(([name]) => name);
    this.#steps = inOrder(description, layers);
  }

  protected override members(): Iterable<readonly [string, unknown]> {
    return [...this.#layers].flatMap(([name, { module }]) =>
      module === null ? [] : [[name, module] as const],
    );
  }

  /** What every layer is, by name, in the order of the configuration; for {@link saveKeras}. */
  get layers(): ReadonlyMap<string, BuiltLayer> {
    return this.#layers;
  }

  /**
   * The output, from the inputs in the order of {@link inputNames}.
   *
   * @throws if there are more or fewer arrays than inputs, or the model has several outputs: then call {@link outputs}
   */
  forward(...inputs: Tensor[]): Tensor {
    if (this.#outputs.length !== 1)
      throw new Error(
        `KerasModel: ${this.name} has ${this.#outputs.length} outputs (${this.outputNames.join(', ')}); outputs(...inputs) gives them by name`,
      );
    return this.run(inputs, []).values[0];
  }

  /** All outputs by their names, from the inputs in the order of {@link inputNames}. */
  outputs(...inputs: Tensor[]): Record<string, Tensor> {
    const { values } = this.run(inputs, []);
    return Object.fromEntries(values.map((value, i) => [this.outputNames[i], value]));
  }

  /**
   * The outputs and which steps of them are real.
   *
   * @param masks for the inputs
   */
  run(inputs: readonly Tensor[], masks: readonly (Tensor | null)[]): MaskedOutputs {
    if (inputs.length !== this.#inputs.length)
      throw new Error(
        `KerasModel: ${this.name} needs ${this.#inputs.length} inputs (${this.inputNames.join(', ')}), got ${inputs.length}`,
      );
    const known = new Map<string, MaskedOutputs>();
    for (const [i, input] of this.#inputs.entries())
      known.set(keyOf(input), { values: [inputs[i]], masks: [masks[i] ?? null] });
    const arrayAt = (reference: Reference): Tensor => {
      const found = known.get(keyOf(reference))?.values[reference.result];
      if (found === undefined)
        throw new FormatError(
          `KerasModel: ${this.name}: ${JSON.stringify(reference.layer)} has no result ${reference.result}`,
        );
      return found;
    };
    const maskAt = ({ result, ...reference }: Reference): Tensor | null =>
      known.get(keyOf(reference))?.masks[result] ?? null;
    const resolved = (value: unknown): unknown => {
      if (value instanceof Reference) return arrayAt(value);
      return Array.isArray(value) ? value.map(resolved) : value;
    };
    for (const { key, layer, operands, options } of this.#steps) {
      const named = Object.fromEntries(
        Object.entries(options).map(([name, value]) => [name, resolved(value)]),
      );
      const masks = operands.flatMap((x) => (x instanceof Reference ? [maskAt(x)] : []));
      // What a call says about masks counts more than what is known.
      const given = named.mask instanceof Tensor ? [named.mask] : Array.isArray(named.mask) ? named.mask : [];
      const call: Call = {
        inputs: operands.flatMap((x) => (x instanceof Reference ? [arrayAt(x)] : [])),
        masks: masks.map((mask, i) => (given[i] instanceof Tensor ? given[i] : mask)),
        operands: operands.flatMap((x): (Tensor | number)[] =>
          x instanceof Reference ? [arrayAt(x)] : typeof x === 'number' ? [x] : [],
        ),
        options: named,
      };
      if (layer.run !== undefined) {
        known.set(key, layer.run(call));
        continue;
      }
      const values = layer.call(call);
      known.set(key, {
        values: values instanceof Tensor ? [values] : values,
        masks: [layer.mask?.(call) ?? null],
      });
    }
    return { values: this.#outputs.map(arrayAt), masks: this.#outputs.map(maskAt) };
  }
}

/** The calls that lead to the outputs, each after those that it needs. */
function inOrder(description: Description, layers: ReadonlyMap<string, BuiltLayer>): Step[] {
  const where = `model ${JSON.stringify(description.name)}`;
  const calls = new Map<string, Step>();
  for (const { config, calls: described } of description.layers)
    for (const [node, { operands, options }] of described.entries()) {
      const key = keyOf({ layer: config.name, node });
      const layer = layers.get(config.name);
      if (layer !== undefined) calls.set(key, { key, layer, operands, options });
    }
  const done = new Set(description.inputs.map(keyOf));
  const open = new Set<string>();
  const steps: Step[] = [];
  // Depth first with a stack of its own: models may be deeper than the stack of calls.
  const pending = description.outputs.map(([, reference]) => ({ key: keyOf(reference), isReady: false }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { key, isReady } = next;
    if (done.has(key)) continue;
    const step = calls.get(key);
    if (step === undefined)
      throw new FormatError(
        `${where}: it needs ${JSON.stringify(key.replace(/^(\d+):/, 'call $1 of '))}, which is not there`,
      );
    if (isReady) {
      done.add(key);
      steps.push(step);
      continue;
    }
    if (open.has(key)) throw new FormatError(`${where}: its layers lead in a circle`);
    open.add(key);
    pending.push({ key, isReady: true });
    for (const value of [...step.operands, ...Object.values(step.options).flat(4)])
      if (value instanceof Reference) pending.push({ key: keyOf(value), isReady: false });
  }
  return steps;
}
