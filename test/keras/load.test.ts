import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, type Tensor, tensor } from '../../src/index.ts';
import { loadKeras } from '../../src/keras/index.ts';

/** Models that Keras 3 built and saved (scripts/fixtures/keras_models.py) give what they gave there. */

const folder = new URL('fixtures/', import.meta.url);
interface Plain {
  readonly shape: number[];
  readonly values: number[];
}
interface Example {
  readonly inputs: Plain[];
  readonly outputs: Plain[];
}
const exampleOf = (name: string): Example =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Example;
const arrayOf = ({ shape, values }: Plain, dtype: 'float32' | 'int32' = 'float32'): Tensor =>
  tensor(Float32Array.from(values), { shape, dtype });
const inputsOf = (name: string): Tensor[] =>
  exampleOf(name).inputs.map((x) => arrayOf(x, name === 'text' ? 'int32' : 'float32'));

/** The largest distance between what came out and what Keras gave, relative to what is larger than 1. */
function compare(found: Tensor, expected: Plain, what: string): void {
  expect(found.shape, what).toEqual(expected.shape);
  const values = found.dataSync();
  const worst = expected.values.reduce(
    (most, value, i) => Math.max(most, Math.abs(values[i] - value) / Math.max(1, Math.abs(value))),
    0,
  );
  expect(worst, what).toBeLessThan(1e-5);
}

const files = readdirSync(folder).filter((name) => name.endsWith('.keras') || /^[a-z_]+\.h5$/.test(name));

describe('loadKeras', () => {
  test.each(files)('%s gives the outputs of Keras', async (name) => {
    const stem = name.replace(/\..*/, '');
    const { outputs } = exampleOf(stem);
    const model = await loadKeras(new URL(name, folder).pathname);
    const found = jit((...x: Tensor[]) => model.outputs(...x))(...inputsOf(stem));
    expect(Object.keys(found).length).toBe(outputs.length);
    for (const [i, y] of model.outputNames.entries()) compare(found[y], outputs[i], `${name}, output ${y}`);
  });
});
