import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jit, type Tensor, tensor, Variable, valueAndGrad } from '../../src/index.ts';
import type { Module } from '../../src/nn/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';

/** What PyTorch computes for one layer: scripts/fixtures/torch_layers.py says what is in it. */
export interface LayerCase {
  readonly name: string;
  readonly layer: string;
  readonly arguments: readonly never[];
  readonly lengths?: readonly number[];
  readonly call?: Readonly<Record<string, never>>;
  readonly parameters: readonly (readonly [name: string, shape: readonly number[]])[];
  readonly inputs: readonly { readonly shape: readonly number[]; readonly data?: readonly number[] }[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  readonly gradients: readonly (readonly number[])[];
}

const all: readonly LayerCase[] = ['torch_layers', 'torch_spatial'].flatMap((name) =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8')),
);

/** The cases of some layers. */
export const casesOf = (...layers: string[]): LayerCase[] =>
  all.filter(({ layer }) => layers.includes(layer));

/** The layer of a case, made with its arguments. */
export function layerOf<M extends Module = nn.Layer>(given: LayerCase): M {
  const Layer = (nn as unknown as Record<string, new (...args: readonly unknown[]) => M>)[given.layer];
  return new Layer(...given.arguments);
}

/** Checks cases of layers from one array to one array. */
export function testLayers(...layers: string[]): void {
  test.each(casesOf(...layers).map((given) => [given.name, given] as const))(
    '%s as in PyTorch',
    (_, given) => {
      const layer = layerOf(given);
      checkLayer(given, layer, ([x]) => [layer.forward(x)]);
    },
  );
}

/** Array k of a case. */
export const wave = (shape: readonly number[], k: number): Tensor =>
  tensor(
    Float32Array.from(
      { length: shape.reduce((size, n) => size * n, 1) },
      (_, i) => 0.6 * Math.sin((2.399 + 0.171 * k) * i + 0.31 * i * i + 0.3 * k + 0.1),
    ),
    { shape },
  );

/** Relative to the largest element: of sums with terms of both signs nothing closer can be asked in float32. */
const near = (expected: readonly number[], rtol: number) => ({
  rtol,
  atol: rtol * expected.reduce((top, x) => Math.max(top, Math.abs(x)), 0),
});

/**
 * Gives the module the case's weights, and checks outputs and every gradient of `run` against PyTorch's, as one jitted
 * program.
 */
export function checkLayer(
  given: LayerCase,
  module: Module | null,
  run: (inputs: readonly Tensor[]) => readonly Tensor[],
  rtol = 1e-5,
): void {
  const parameters = module?.namedParameters() ?? [];
  expect(parameters.map(([name, { shape }]) => [name, [...shape]]).sort()).toEqual(
    given.parameters.map(([name, shape]) => [name, [...shape]]).sort(),
  );
  const byName = new Map(parameters);
  const weights = given.parameters.map(([name, shape], k) => {
    const parameter = byName.get(name)!;
    parameter.assign(wave(shape, k));
    return parameter;
  });
  const floats: Variable[] = [];
  const inputs = given.inputs.map(({ shape, data }, k) => {
    if (data !== undefined) return () => tensor([...data], { dtype: 'int32', shape });
    const input = new Variable(wave(shape, 40 + k), { name: `input ${k}` });
    floats.push(input);
    return () => input.value;
  });
  const leaves = [...weights, ...floats];
  const [outputs, gradients] = jit((): [readonly Tensor[], Tensor[]] => {
    const f = (): [Tensor, readonly Tensor[]] => {
      const results = run(inputs.map((input) => input()));
      const sums = results.map((out, k) => out.mul(wave(out.shape, 80 + k)).sum());
      return [sums.reduce((a, b) => a.add(b)), results];
    };
    const [[, results], grads] = valueAndGrad(f, leaves);
    return [results, leaves.map((leaf) => grads.get(leaf)!)];
  })();
  expect(outputs.map(({ shape }) => [...shape])).toEqual(given.outputs.map(({ shape }) => shape));
  outputs.forEach((out, k) => {
    const { data } = given.outputs[k];
    expectClose(out.dataSync(), data, near(data, rtol), `output ${k}`);
  });
  expect(gradients.length).toBe(given.gradients.length);
  gradients.forEach((gradient, k) => {
    const expected = given.gradients[k];
    const what = k < weights.length ? given.parameters[k][0] : `input ${k - weights.length}`;
    expectClose(gradient.dataSync(), expected, near(expected, rtol), `gradient of ${what}`);
  });
}
