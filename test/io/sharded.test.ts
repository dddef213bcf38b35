import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { tensor } from '../../src/index.ts';
import { FormatError, loadSharded, loadTfjs, saveTensors } from '../../src/io/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nabla-sharded-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
/** A file of JSON in the folder. */
function json(value: unknown): string {
  const path = join(folder, `${files++}.json`);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

describe('safetensors in several files', () => {
  test('tensors come in the order of the index, with its metadata', async () => {
    await saveTensors(
      { b: tensor([1, 2]), c: tensor([3], { dtype: 'int32' }) },
      join(folder, 'one.safetensors'),
    );
    await saveTensors({ a: tensor([4]).cast('bfloat16') }, join(folder, 'two.safetensors'));
    const weight_map = { a: 'two.safetensors', b: 'one.safetensors', c: 'one.safetensors' };
    const path = json({ metadata: { total_size: 14 }, weight_map });
    const { tensors, metadata } = await loadSharded(path);
    expect(Object.entries(tensors).map(([name, x]) => [name, x.dtype, [...x.dataSync()]])).toEqual([
      ['a', 'float32', [4]],
      ['b', 'float32', [1, 2]],
      ['c', 'int32', [3]],
    ]);
    expect(metadata).toEqual({ total_size: 14 });
    expect((await loadSharded(path, { keepHalf: true })).tensors.a.dtype).toBe('bfloat16');
  });

  test('says what does not agree', async () => {
    const one = { b: 'one.safetensors', c: 'one.safetensors' };
    const cases: [unknown, string][] = [
      ['{', 'not JSON in UTF-8'],
      ['[]', 'not a JSON object'],
      [{}, 'its weight_map is not an object'],
      [{ weight_map: { b: 3 } }, 'its weight_map is not an object'],
      [{ weight_map: { b: 'one.safetensors' } }, 'one.safetensors holds "c", which the index does not say'],
      [{ weight_map: { ...one, d: 'one.safetensors' } }, 'missing in the files that should hold them: d'],
      [{ weight_map: { b: '../one.safetensors' } }, 'which is not in its folder'],
      [{ weight_map: { b: '/etc/passwd' } }, 'which is not in its folder'],
    ];
    for (const [index, message] of cases) {
      const path = json(index);
      await expect(loadSharded(path)).rejects.toThrow(FormatError);
      await expect(loadSharded(path)).rejects.toThrow(`${path}: `);
      await expect(loadSharded(path)).rejects.toThrow(message);
    }
    await expect(loadSharded(json({ weight_map: { b: 'none' } }))).rejects.toThrow('there is no such file');
  });
});

describe('TensorFlow.js models', () => {
  const bytes = new Uint8Array(20);
  new Float32Array(bytes.buffer, 0, 2).set([1.5, -2]);
  bytes.set([0, 1, 2, 3, 7, 0, 0, 0, 0x00, 0x3e], 8);
  writeFileSync(join(folder, 'shard1'), bytes.subarray(0, 5));
  writeFileSync(join(folder, 'shard2'), bytes.subarray(5, 18));
  const weights = [
    { name: 'dense/kernel', shape: [1, 2], dtype: 'float32' },
    { name: 'small', shape: [4], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
    { name: 'count', shape: [], dtype: 'int32' },
    {
      name: 'half',
      shape: [1],
      dtype: 'float32',
      quantization: { dtype: 'float16', original_dtype: 'float32' },
    },
  ];
  const paths = ['shard1', 'shard2'];

  test('weights over several shards, quantized ones too', async () => {
    const modelTopology = { class_name: 'Sequential' };
    const { weights: read, topology } = await loadTfjs(
      json({ modelTopology, weightsManifest: [{ paths, weights }] }),
    );
    expect(Object.entries(read).map(([name, x]) => [name, x.dtype, x.shape, [...x.dataSync()]])).toEqual([
      ['dense/kernel', 'float32', [1, 2], [1.5, -2]],
      ['small', 'float32', [4], [-1, -0.5, 0, 0.5]],
      ['count', 'int32', [], [7]],
      ['half', 'float32', [1], [1.5]],
    ]);
    expect(topology).toEqual(modelTopology);
  });

  test('says what is wrong', async () => {
    const changed = (weight: object) => [{ paths, weights: [{ ...weights[0], ...weight }] }];
    const cases: [unknown, string][] = [
      [undefined, 'it has no weightsManifest'],
      [[{ paths }], 'a group has no paths or no weights'],
      [changed({}), 'take 8 bytes, the files have 18'],
      [changed({ shape: [-1] }), '"dense/kernel": the shape [-1] is not'],
      [changed({ shape: [1e9, 1e9] }), 'the files have 18'],
      [changed({ dtype: 'string' }), '"dense/kernel": the dtype "string" cannot be read'],
      [changed({ name: 3 }), 'a weight has no name'],
      [changed({ quantization: { dtype: 'int4' } }), 'quantization of float32 to "int4" cannot be read'],
      [changed({ quantization: { dtype: 'uint8' } }), 'has no scale or no min'],
      [[{ paths, weights: weights.map((w) => ({ ...w, name: 'x' })) }], 'two weights are called "x"'],
      [[{ paths: ['../shard1'], weights }], 'which is not in its folder'],
    ];
    for (const [weightsManifest, message] of cases) {
      const path = json({ weightsManifest });
      await expect(loadTfjs(path), message).rejects.toThrow(FormatError);
      await expect(loadTfjs(path)).rejects.toThrow(`${path}: `);
      await expect(loadTfjs(path)).rejects.toThrow(message);
    }
  });
});
