import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { tensor } from '../../src/index.ts';
import { exportOnnx, loadOnnx } from '../../src/io/index.ts';
import { expectClose } from '../support/close.ts';

interface Elements {
  readonly shape: number[];
  readonly data: number[];
}
interface Fixture {
  readonly x: Elements;
  readonly cases: { version: number; model: string; outputs: Record<string, Elements> }[];
}

const script = fileURLToPath(new URL('../../scripts/fixtures/onnx_versions.py', import.meta.url));
const missing = spawnSync('python3', ['-c', 'import onnx']).status !== 0;
const { status, stdout, stderr } = spawnSync('python3', [script], { encoding: 'utf8', maxBuffer: 2 ** 26 });

describe.skipIf(missing)('versions 13 to 21 of the operators', () => {
  const { x, cases }: Fixture = status === 0 ? JSON.parse(stdout) : { x: { shape: [], data: [] }, cases: [] };

  test('are all there', () => {
    expect(status, stderr).toBe(0);
    expect(cases.map(({ version }) => version)).toEqual([13, 14, 15, 16, 17, 18, 19, 20, 21]);
  });

  test.each(cases)('version $version is read as it says', async ({ version, model, outputs }) => {
    const loaded = await loadOnnx(Uint8Array.from(Buffer.from(model, 'base64')));
    expect(loaded.opset).toBe(version);
    const results = loaded.run(tensor(x.data, { shape: x.shape }));
    expect(Object.keys(results).sort()).toEqual(Object.keys(outputs).sort());
    for (const [name, { shape, data }] of Object.entries(outputs)) {
      expect(results[name].shape, name).toEqual(shape);
      expectClose(results[name].dataSync(), data, { rtol: 1e-5, atol: 1e-5 }, name);
    }
  });
});

test('other versions are refused by number', async () => {
  const bytes = exportOnnx((y) => y.add(1), tensor([1, 2]));
  // The last field of the file is the version: 18.
  const at = bytes.lastIndexOf(18);
  for (const version of [6, 22, 99]) {
    const other = bytes.slice();
    other[at] = version;
    await expect(loadOnnx(other)).rejects.toThrow(
      new RegExp(`version ${version} of ONNX's operators is not supported; versions 7 to 21 are`),
    );
  }
});
