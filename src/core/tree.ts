/**
 * Trees: nested arrays, plain objects and Maps (such as gradients by variables) whose leaves are of interest (tensors, variables).
 * Everything else, such as numbers and strings, is part of the structure.
 */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> } | TreeStatic;
type TreeStatic = number | string | boolean | null | undefined | bigint;

/** A tree taken apart: its leaves in order and the way back. */
export interface Flattened<T> {
  readonly leaves: T[];
  /** A text that is equal for trees of the same structure and equal static parts. */
  readonly structure: string;
  readonly rebuild: <U>(leaves: readonly U[]) => unknown;
}

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const numbers = new WeakMap<object, number>();
let numbered = 0;

/** A key of a Map as a text: objects are equal to themselves only. */
function keyText(key: unknown): string {
  if (typeof key !== 'object' || key === null) return `${typeof key}:${JSON.stringify(key)}`;
  let number = numbers.get(key);
  if (number === undefined) numbers.set(key, (number = ++numbered));
  return `#${number}`;
}

/**
 * Takes a tree apart into the leaves for which `isLeaf` holds. Keys of objects are visited in sorted order, those of Maps in theirs.
 *
 * @throws on values that are neither leaves, plain objects, arrays nor primitives: a class instance in a tree would lose
 * its identity silently.
 */
export function flatten<T>(
  tree: unknown,
  isLeaf: (value: unknown) => value is T,
  name = 'tree',
): Flattened<T> {
  const leaves: T[] = [];
  const visit = (value: unknown): { text: string; build: (next: () => unknown) => unknown } => {
    if (isLeaf(value)) {
      leaves.push(value);
      return { text: '*', build: (next) => next() };
    }
    if (Array.isArray(value)) {
      const parts = value.map(visit);
      return {
        text: `[${parts.map((p) => p.text).join()}]`,
        build: (next) => parts.map((p) => p.build(next)),
      };
    }
    if (value instanceof Map) {
      const keys = [...value.keys()];
      const parts = [...value.values()].map(visit);
      return {
        text: `Map{${keys.map((key, i) => `${keyText(key)}:${parts[i].text}`).join()}}`,
        build: (next) => new Map(keys.map((key, i) => [key, parts[i].build(next)])),
      };
    }
    if (typeof value === 'object' && value !== null) {
      if (!isPlain(value)) {
        const type = value.constructor?.name ?? 'object';
        throw new TypeError(
          `${name}: a ${type} cannot be part of a tree of arrays; use plain objects and arrays`,
        );
      }
      const keys = Object.keys(value).sort();
      const parts = keys.map((key) => visit((value as Record<string, unknown>)[key]));
      return {
        text: `{${keys.map((key, i) => `${JSON.stringify(key)}:${parts[i].text}`).join()}}`,
        build: (next) => Object.fromEntries(keys.map((key, i) => [key, parts[i].build(next)])),
      };
    }
    if (typeof value === 'function')
      throw new TypeError(`${name}: a function cannot be part of a tree of arrays`);
    // Quoted, so that no text looks like structure; -0 is not 0.
    const text =
      typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value);
    return { text: `${typeof value}:${text}`, build: () => value };
  };
  const root = visit(tree);
  return {
    leaves,
    structure: root.text,
    rebuild: (values) => {
      let i = 0;
      return root.build(() => values[i++]);
    },
  };
}
