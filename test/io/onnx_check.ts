import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { random, type Tensor } from '../../src/index.ts';
import { type Exportable, exportOnnx, loadOnnx } from '../../src/io/index.ts';

/** A model as a file, with inputs and what the model itself makes of them. */
export interface ExportedCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Tensor[];
  readonly expected: readonly Tensor[];
}

/** The arrays in a result, those of plain objects in the order of their keys. */
export const arraysOf = (result: unknown): Tensor[] => {
  if (Array.isArray(result)) return result.flatMap(arraysOf);
  const plain = typeof result === 'object' && Object.getPrototypeOf(result) === Object.prototype;
  if (!plain) return [result as Tensor];
  const entries = Object.entries(result as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.flatMap(([, value]) => arraysOf(value));
};

/** A case with its file and what the model itself gives; random numbers while recording and computing are the same. */
export function exportCase(name: string, model: Exportable, inputs: readonly Tensor[]): ExportedCase {
  random.seed(11);
  const bytes = exportOnnx(model, inputs);
  random.seed(11);
  const f = typeof model === 'function' ? model : (...xs: Tensor[]) => model.forward(...xs);
  return { name, bytes, inputs, expected: arraysOf(f(...inputs)) };
}

const close = (actual: ArrayLike<number | boolean>, expected: ArrayLike<number>) => {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(Number(actual[i]) - expected[i])).toBeLessThan(1e-4 * Math.max(1, Math.abs(expected[i])));
};

/** Our importer makes the same of the file. */
export async function comesBack({ bytes, inputs, expected }: ExportedCase): Promise<void> {
  const model = await loadOnnx(bytes);
  const feeds = model.inputs.map(({ name }, i) => [name, inputs[i]] as const);
  const results = model.run(Object.fromEntries(feeds));
  expect(model.outputs.length).toBe(expected.length);
  model.outputs.forEach(({ name, shape, dtype }, i) => {
    expect(shape).toEqual(expected[i].shape);
    expect(dtype).toBe(expected[i].dtype);
    expect(results[name].shape).toEqual(expected[i].shape);
    close(results[name].dataSync(), expected[i].dataSync());
  });
}

const runtime = new URL('../../bench/node_modules/onnxruntime-node/package.json', import.meta.url);

/** Whether onnxruntime-node is not there. */
export const noRuntime = !existsSync(runtime);

/** onnxruntime makes the same of the file. */
export async function sameInRuntime({ bytes, inputs, expected }: ExportedCase): Promise<void> {
  const ort = createRequire(runtime)('onnxruntime-node');
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const feeds = session.inputNames.map((name: string, i: number) => [
    name,
    new ort.Tensor(inputs[i].dtype, inputs[i].dataSync(), inputs[i].shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  session.outputNames.forEach((name: string, i: number) => {
    expect(results[name].dims).toEqual(expected[i].shape);
    close(results[name].data, expected[i].dataSync());
  });
}

/** Whether Python's package onnx is not there. */
export const noChecker = spawnSync('python3', ['-c', 'import onnx']).status !== 0;

/** onnx.checker finds nothing wrong with the files. */
export function acceptedByChecker(cases: readonly ExportedCase[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-onnx-'));
  for (const [i, { bytes }] of cases.entries()) writeFileSync(join(folder, `${i}.onnx`), bytes);
  const script = `import glob, onnx
for path in glob.glob(${JSON.stringify(folder)} + '/*.onnx'):
    onnx.checker.check_model(path, full_check=True)`;
  const { status, stderr } = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect(status, stderr).toBe(0);
}
