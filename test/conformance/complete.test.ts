import { describe, expect, it } from 'vitest';
import * as nabla from '../../src/index.ts';
import { operations } from './operations.ts';
import { reasons } from './reasons.ts';

/** Methods and properties of arrays, and functions of the package and of its namespaces, by the names that users type. */
function surface(): Set<string> {
  const names = new Set<string>();
  let prototype: object = nabla.Tensor.prototype;
  while (prototype !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(prototype)) names.add(name);
    prototype = Object.getPrototypeOf(prototype);
  }
  names.delete('constructor');
  const { linalg, fft, random } = nabla;
  for (const [prefix, members] of Object.entries({
    '': nabla,
    'linalg.': linalg,
    'fft.': fft,
    'random.': random,
  }))
    for (const [name, member] of Object.entries(members))
      if (typeof member === 'function') names.add(prefix + name);
  return names;
}

const tried = new Set(operations.map(({ name }) => name.split(':')[0]));
const excused = new Set(Object.values(reasons).flatMap((names) => Object.keys(names)));

describe('the matrix of conformance', () => {
  it('tries every method and function, or has a reason', () => {
    expect([...surface()].filter((name) => !tried.has(name) && !excused.has(name))).toEqual([]);
  });
  it('has no operation that does not exist', () => {
    const names = surface();
    expect([...tried, ...excused].filter((name) => !names.has(name))).toEqual([]);
  });
  it('has no reason for what is tried', () => {
    expect([...excused].filter((name) => tried.has(name))).toEqual([]);
  });
  it('names operations once', () => {
    const names = operations.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
  it('tries what a name stands for, where that is another name', () => {
    expect(Object.values(reasons['another name of']).filter((name) => !tried.has(name))).toEqual([]);
  });
});
