import type { Tensor } from '../core/tensor.ts';
import { FormatError, type KerasNode } from '../io/index.ts';
import { isModel } from './description.ts';

/** Where a layer takes its variables from, whatever kind of file they are in. */
export interface WeightSource {
  /** The variables of the object under an attribute of this one: `cell`, `forward_layer`. */
  inside(attribute: string): WeightSource;
  /** Those of layers in a model, by their place among the layers of the model. */
  layers(layers: readonly { readonly className: string; readonly name: string }[]): WeightSource[];
  /**
   * The object's own variables.
   *
   * @param names Keras's, in its order; `a|b` where versions differ
   * @throws FormatError if there are others
   */
  take(names: readonly string[]): Tensor[];
  /** Whether there is no variable in it, nor in anything inside. */
  isEmpty(): boolean;
}

/** `MultiHeadAttention` to `multi_head_attention`: what files call the layers of a class. */
export function snakeCase(className: string): string {
  return className
    .replace(/\W+/g, '')
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

/** For layers of a model in order what files call them: `dense`, `dense_1`, `conv2d`. */
export function attributesOf(layers: readonly { readonly className: string }[]): string[] {
  const counts = new Map<string, number>();
  return layers.map(({ className }) => {
    const name = snakeCase(className);
    const before = counts.get(name) ?? 0;
    counts.set(name, before + 1);
    return before === 0 ? name : `${name}_${before}`;
  });
}

const nothing: KerasNode = { name: null, variables: [], children: new Map() };

/** Variables of files with a tree of objects. */
export class TreeWeights implements WeightSource {
  readonly #node: KerasNode;
  readonly #path: string;

  /** @param path for messages */
  constructor(node: KerasNode, path: string) {
    this.#node = node;
    this.#path = path;
  }

  inside(attribute: string): WeightSource {
    const { children } = this.#node;
    // Keras 3.0 had some attributes with an underscore.
    const node = children.get(attribute) ?? children.get(`_${attribute}`) ?? nothing;
    return new TreeWeights(node, `${this.#path}/${attribute}`);
  }

  layers(layers: readonly { readonly className: string; readonly name: string }[]): WeightSource[] {
    const inside = this.#node.children.get('layers') ?? nothing;
    const path = `${this.#path}/layers`;
    // Newer files say what a layer is called; in others its place among those of its class tells.
    const named = new Map<string, string>();
    for (const [attribute, { name }] of inside.children) if (name !== null) named.set(name, attribute);
    return attributesOf(layers).map((counted, i) => {
      const attribute = named.get(layers[i].name) ?? counted;
      return new TreeWeights(inside.children.get(attribute) ?? nothing, `${path}/${attribute}`);
    });
  }

  take(names: readonly string[]): Tensor[] {
    const { variables } = this.#node;
    if (variables.length !== names.length)
      throw new FormatError(
        `${this.#path}: it has ${variables.length} variables, the layer needs ${names.length}: ${names.join(', ') || 'none'}`,
      );
    return [...variables];
  }

  isEmpty(): boolean {
    const isEmpty = ({ variables, children }: KerasNode): boolean =>
      variables.length === 0 &&
      // What dropout keeps for its random numbers is no weight.
      [...children].every(([name, child]) => name === 'seed_generator' || isEmpty(child));
    return isEmpty(this.#node);
  }
}

/** A variable of a file that has lists of them. */
interface Entry {
  readonly name: string;
  readonly array: Tensor;
  used: boolean;
}

/** Variables of files with lists of them, which are found by what their names end in, in order. */
export class ListWeights implements WeightSource {
  readonly #entries: readonly Entry[];
  readonly #path: string;

  constructor(entries: readonly Entry[], path: string) {
    this.#entries = entries;
    this.#path = path;
  }

  static of(arrays: readonly (readonly [name: string, array: Tensor])[], path: string): ListWeights {
    return new ListWeights(
      arrays.map(([name, array]) => ({ name, array, used: false })),
      path,
    );
  }

  inside(): WeightSource {
    return this;
  }

  layers(layers: readonly { readonly className: string; readonly name: string }[]): WeightSource[] {
    const own = layers.map(({ name }) =>
      this.#entries.filter((entry) => segments(entry.name).includes(name)),
    );
    const areNamed = own.some((entries) => entries.length > 0);
    return own.map((entries, i) => {
      // Names need not say in which model a layer is. Where they name no layer at all, order has to do.
      const isOpen = entries.length === 0 && (!areNamed || isModel(layers[i].className));
      return isOpen ? this : new ListWeights(entries, `${this.#path}/${layers[i].name.slice(0, 80)}`);
    });
  }

  take(names: readonly string[]): Tensor[] {
    return names.map((name) => {
      const found = this.#entries.find(
        (entry) => !entry.used && name.split('|').includes(segments(entry.name).at(-1)!),
      );
      if (found === undefined)
        throw new FormatError(
          `${this.#path}: there is no ${name}; there are ${
            this.#entries
              .filter(({ used }) => !used)
              .slice(0, 8)
              .map((entry) => entry.name.slice(0, 60))
              .join(', ') || 'no more variables'
          }`,
        );
      found.used = true;
      return found.array;
    });
  }

  isEmpty(): boolean {
    return this.#entries.every(({ used }) => used);
  }

  /** The names of variables that no layer took. */
  unused(): string[] {
    return this.#entries.flatMap(({ name, used }) => (used ? [] : [name]));
  }
}

/** The parts of a name without the `:0` that TensorFlow puts behind it. */
const segments = (name: string): string[] => name.replace(/:\d+$/, '').split('/');
