import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type DType, tensor } from '../../src/index.ts';
import { loadOnnx, onnxOperators } from '../../src/io/index.ts';

/** The tests that the Python package onnx has for its operators: one model each, with inputs and outputs. */

interface Elements {
  readonly shape: number[];
  readonly dtype: string;
  readonly data: (number | boolean | string)[];
}
interface Case {
  readonly name: string;
  readonly model: string;
  readonly inputs: Elements[];
  readonly outputs: Elements[];
}

const missing = spawnSync('python3', ['-c', 'import onnx']).status !== 0;

/** What the library does not do, by the error that says so. */
const refused =
  /training mode|of ONNX's operators is not supported|is empty: there is no|tf_crop_and_resize|antialias|keep_aspect_ratio_policy|only indices without batch_dims|body does not fit/;
/** Unsigned 8-bit arithmetic, which becomes that of 32 bits. */
const narrow = new Set(['test_bitwise_not_4d']);

const narrowed = (dtype: string): DType => (/^u?int(8|64)$/.test(dtype) ? 'int32' : (dtype as DType));

test.skipIf(missing)("onnx's own tests of the operators", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-onnx-'));
  const script = fileURLToPath(new URL('../../scripts/fixtures/onnx_node_tests.py', import.meta.url));
  const { status, stderr } = spawnSync('python3', [script, folder, ...onnxOperators], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const cases: Case[] = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
  const problems: string[] = [];
  let [passed, unsupported] = [0, 0];
  const device = process.env.NABLA_DEVICE;
  // Hundreds of tiny programs: the interpreter needs no compilation.
  process.env.NABLA_DEVICE = 'reference';
  for (const { name, model: text, inputs, outputs } of cases) {
    try {
      const model = await loadOnnx(Uint8Array.from(Buffer.from(text, 'base64')));
      const feeds = model.inputs.map((input, i) => {
        const { shape, dtype, data } = inputs[i];
        return [input.name, tensor(data.map(Number), { shape, dtype: narrowed(dtype) })] as const;
      });
      const results = model.run(Object.fromEntries(feeds));
      model.outputs.forEach((output, k) => {
        const actual = results[output.name];
        const { shape, data } = outputs[k];
        expect(actual.shape).toEqual(shape);
        actual.dataSync().forEach((value, i) => {
          const wanted = Number(data[i]);
          if (!Object.is(value, wanted) && !(Math.abs(value - wanted) <= 1e-5 + 1e-3 * Math.abs(wanted)))
            throw new Error(`output ${k}, element ${i}: ${value} instead of ${wanted}`);
        });
      });
      passed++;
    } catch (error) {
      const { message } = error as Error;
      if (refused.test(message) || narrow.has(name)) unsupported++;
      else problems.push(`${name}: ${message}`);
    }
  }
  if (device === undefined) delete process.env.NABLA_DEVICE;
  else process.env.NABLA_DEVICE = device;
  expect(problems).toEqual([]);
  expect(passed).toBeGreaterThan(550);
  expect(unsupported).toBeLessThan(40);
});
