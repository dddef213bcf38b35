import { Tensor } from '../core/tensor.ts';

/** What a training remembers: plain JSON, whose numbers may be NaN or infinite, with arrays in it. */
export type State =
  | null
  | boolean
  | number
  | string
  | Tensor
  | readonly State[]
  | { readonly [name: string]: State };

/** Something that a training depends on: a model, an optimizer, an average of weights, a scheduler. */
export interface Part {
  stateDict(): State;
  loadStateDict(state: never): void;
}

/** Numbers that JSON has not. */
const special: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  '-0': -0,
};
const keyOfNumber = '$number';
const keyOfTensor = '$tensor';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * Takes a state apart into JSON, from which every number comes back with the same bits, and arrays, which are named by their places
 * in it: `model.conv1.weight`.
 *
 * @throws TypeError for what is no state, such as a function or a typed array, saying where it is
 */
export function takeApart(state: State): { json: string; tensors: Record<string, Tensor> } {
  const tensors: Record<string, Tensor> = {};
  const visit = (value: State, place: string): Json => {
    if (value instanceof Tensor) {
      let name = place;
      // Two places can have one name: { 'a.b': x, a: { b: y } }.
      for (let n = 2; name in tensors; n++) name = `${place}#${n}`;
      tensors[name] = value;
      return { [keyOfTensor]: name };
    }
    if (typeof value === 'number')
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [keyOfNumber]: Object.is(value, -0) ? '-0' : String(value) };
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    const at = (key: string | number) => (place === '' ? String(key) : `${place}.${key}`);
    if (Array.isArray(value)) return value.map((item: State, i) => visit(item, at(i)));
    const prototype = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
    if (prototype !== Object.prototype && prototype !== null)
      throw new TypeError(
        `checkpoints: '${place}' cannot be saved: a state consists of plain objects, lists, numbers, texts, booleans, null and tensors`,
      );
    const entries = Object.entries(value as Readonly<Record<string, State>>);
    if (entries.some(([key]) => key === keyOfNumber || key === keyOfTensor))
      throw new TypeError(`checkpoints: '${place}' has a key ${keyOfNumber} or ${keyOfTensor}; rename it`);
    // An absent value and one that is undefined are the same.
    return Object.fromEntries(
      entries.flatMap(([key, item]) => (item === undefined ? [] : [[key, visit(item, at(key))]])),
    );
  };
  return { json: JSON.stringify(visit(state, '')), tensors };
}

/**
 * The state that {@link takeApart} took apart.
 *
 * @throws SyntaxError if the text is not JSON, Error if an array is missing
 */
export function putTogether(json: string, tensors: Readonly<Record<string, Tensor>>): State {
  const visit = (value: Json): State => {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map(visit);
    const { [keyOfTensor]: tensor, [keyOfNumber]: number } = value;
    if (typeof number === 'string' && number in special) return special[number];
    if (typeof tensor === 'string') {
      if (tensors[tensor] === undefined) throw new Error(`the array ${tensor} is missing`);
      return tensors[tensor];
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item)]));
  };
  return visit(JSON.parse(json));
}
