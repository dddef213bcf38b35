import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeHdf5, type Hdf5GroupContent, openHdf5 } from '../../src/io/index.ts';

const content: Hdf5GroupContent = {
  attributes: { name: 'größer', names: ['a', 'bcd', ''], count: 3, share: 0.25 },
  members: {
    floats: {
      shape: [2, 3],
      dtype: 'F32',
      data: Float32Array.of(0, 1, 2, 3, 4, 5.5),
      attributes: { dtype: 'x' },
    },
    doubles: { shape: [2], dtype: 'F64', data: Float64Array.of(1 / 3, -2) },
    halves: { shape: [2], dtype: 'F16', data: Uint16Array.of(0x3c00, 0xc000) },
    integers: { shape: [3], dtype: 'I32', data: Int32Array.of(-1, 0, 7) },
    bytes: { shape: [2], dtype: 'U8', data: Uint8Array.of(3, 255) },
    flags: { shape: [2], dtype: 'BOOL', data: Uint8Array.of(1, 0) },
    scalar: { shape: [], dtype: 'F32', data: Float32Array.of(2.5) },
    empty: { shape: [0, 4], dtype: 'F32', data: new Float32Array(0) },
    group: {
      members: { inner: { members: { x: { shape: [1], dtype: 'I64', data: BigInt64Array.of(-5n) } } } },
    },
    many: {
      members: Object.fromEntries(
        Array.from({ length: 300 }, (_, i) => [
          `m${i}`,
          { shape: [1], dtype: 'I32', data: Int32Array.of(i) } as const,
        ]),
      ),
    },
  },
};

describe('encodeHdf5', () => {
  test('writes what the reader reads', async () => {
    const file = openHdf5(encodeHdf5(content), 'x');
    expect(file.names()).toEqual(Object.keys(content.members));
    expect(file.texts('name')).toEqual(['größer']);
    expect(file.texts('names')).toEqual(['a', 'bcd', '']);
    const values = await file.dataset('floats').read();
    expect(values).toMatchObject({ kind: 'numbers', dtype: 'F32', shape: [2, 3] });
    expect(file.dataset('floats').texts('dtype')).toEqual(['x']);
    expect(await file.dataset('flags').read()).toMatchObject({ dtype: 'BOOL', data: Uint8Array.of(1, 0) });
    expect(await file.dataset('empty').read()).toMatchObject({ shape: [0, 4] });
    expect(file.group('many').names()).toHaveLength(300);
    const last = await file.dataset('many/m299').read();
    expect(last).toMatchObject({ data: new Uint8Array(Int32Array.of(299).buffer) });
  });

  test('refuses what does not fit', () => {
    const x = { shape: [3], dtype: 'F32', data: new Float32Array(2) } as const;
    expect(() => encodeHdf5({ members: { x } })).toThrow(
      /encodeHdf5: \/x: F32 \[3\] takes 12 bytes, the data has 8/,
    );
    expect(() => encodeHdf5({ members: { 'a/b': { members: {} } } })).toThrow(/"a\/b" cannot be a name/);
    expect(() => encodeHdf5({ members: {}, attributes: { long: 'x'.repeat(70000) } })).toThrow(
      /at most 65535/,
    );
  });

  const hasH5py = spawnSync('python3', ['-c', 'import h5py']).status === 0;
  test.skipIf(!hasH5py)('writes what h5py reads', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-hdf5-'));
    const path = join(folder, 'x.h5');
    writeFileSync(path, encodeHdf5(content));
    const program = `
import h5py, json, sys
f = h5py.File(sys.argv[1])
names = ['floats', 'doubles', 'halves', 'integers', 'bytes', 'flags', 'scalar', 'empty', 'group/inner/x', 'many/m299']
text = lambda x: x.decode() if isinstance(x, bytes) else str(x)
print(json.dumps({
    'values': [f[n][()].tolist() for n in names],
    'dtypes': [str(f[n].dtype) for n in names],
    'name': text(f.attrs['name']), 'names': [text(x) for x in f.attrs['names']],
    'count': int(f.attrs['count']), 'share': float(f.attrs['share']), 'many': len(f['many']),
}))`;
    const { stdout, stderr } = spawnSync('python3', ['-c', program, path], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      values: [
        [
          [0, 1, 2],
          [3, 4, 5.5],
        ],
        [1 / 3, -2],
        [1, -2],
        [-1, 0, 7],
        [3, 255],
        [true, false],
        2.5,
        [],
        [-5],
        [299],
      ],
      dtypes: [
        'float32',
        'float64',
        'float16',
        'int32',
        'uint8',
        'bool',
        'float32',
        'float32',
        'int64',
        'int32',
      ],
      name: 'größer',
      names: ['a', 'bcd', ''],
      count: 3,
      share: 0.25,
      many: 300,
    });
  });
});
