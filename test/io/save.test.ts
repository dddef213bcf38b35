import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fromBits, random, tensor } from '../../src/index.ts';
import { encodeSafetensors, load, loadTensors, save, saveTensors } from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nabla-save-'));
const path = (name: string) => join(folder, name);

test('a model comes back bit for bit, and the file is the same each time', async () => {
  random.seed(5);
  const make = () => new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.Linear(2, 2));
  const [a, b] = [make(), make()];
  await save(a, path('a.safetensors'));
  await load(b, path('a.safetensors'));
  for (const [name, value] of Object.entries(a.stateDict()))
    expect(b.stateDict()[name].toArray()).toEqual(value.toArray());
  await save(b, path('b.safetensors'));
  expect(readFileSync(path('b.safetensors'))).toEqual(readFileSync(path('a.safetensors')));
  expect(readdirSync(folder).sort()).toEqual(['a.safetensors', 'b.safetensors']);
});

test('every dtype goes round, with metadata', async () => {
  const tensors = {
    f: tensor([1.5, Number.NaN]),
    d: tensor([[0.1]], { dtype: 'float64' }),
    i: tensor([-7], { dtype: 'int32' }),
    u: tensor([4e9], { dtype: 'uint32' }),
    b: tensor([true, false]),
    empty: tensor([]),
    scalar: tensor(3),
  };
  await saveTensors(tensors, path('c.safetensors'), { epoch: '3' });
  const { tensors: back, metadata } = await loadTensors(path('c.safetensors'));
  expect(metadata).toEqual({ epoch: '3' });
  for (const [name, value] of Object.entries(tensors)) {
    expect(back[name].dtype).toBe(value.dtype);
    expect(back[name].shape).toEqual(value.shape);
    expect(back[name].toArray()).toEqual(value.toArray());
  }
});

test('halves are saved as they are, and loaded as float32 unless they are kept', async () => {
  const tensors = {
    half: tensor(
      [
        [1.5, -2],
        [Number.POSITIVE_INFINITY, 2 ** -24],
      ],
      { dtype: 'float16' },
    ),
    brain: tensor([3.140625, 1e30], { dtype: 'bfloat16' }),
    nan: fromBits(Uint16Array.of(0x7c01), { dtype: 'float16' }),
  };
  await saveTensors(tensors, path('half.safetensors'));
  const wide = (await loadTensors(path('half.safetensors'))).tensors;
  const kept = (await loadTensors(path('half.safetensors'), { keepHalf: true })).tensors;
  for (const [name, value] of Object.entries(tensors)) {
    expect(wide[name].dtype).toBe('float32');
    expect(wide[name].toArray()).toEqual(value.toArray());
    expect(kept[name].dtype).toBe(value.dtype);
    expect(kept[name].shape).toEqual(value.shape);
    expect(kept[name].bits()).toEqual(value.bits());
  }
});

test('a file whose 64-bit integers do not fit is refused, with the tensor, the element and the value', async () => {
  const entry = {
    name: 'ids',
    shape: [3],
    dtype: 'I64',
    data: BigInt64Array.of(1n, -(2n ** 31n), 2n ** 40n),
  } as const;
  writeFileSync(path('long.safetensors'), encodeSafetensors([entry]));
  await expect(loadTensors(path('long.safetensors'))).rejects.toThrow(
    '"ids": element 2 is 1099511627776, which does not fit 32 bits',
  );
});

test('errors name the file and what is wrong', async () => {
  const model = new nn.Linear(2, 1);
  await expect(load(model, path('none.safetensors'))).rejects.toThrow(
    /cannot read .*none.safetensors: there is no such file/,
  );
  await expect(load(model, folder)).rejects.toThrow(/it is a folder/);
  writeFileSync(path('bad.safetensors'), 'hello');
  await expect(load(model, path('bad.safetensors'))).rejects.toThrow(
    /bad.safetensors: not a safetensors file/,
  );
  await save(new nn.Linear(3, 1), path('other.safetensors'));
  await expect(load(model, path('other.safetensors'))).rejects.toThrow(
    /other.safetensors: loadStateDict: does not fit Linear: .*weight has shape \[1, 3\], the model needs \[1, 2\]/,
  );
  await expect(save(model, join(folder, 'no', 'folder.safetensors'))).rejects.toThrow(
    /the folder does not exist/,
  );
});
