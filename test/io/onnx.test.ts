import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readIdx } from '../../src/data/idx.ts';
import { jit, type Tensor, tensor, valueAndGrad, vmap } from '../../src/index.ts';
import { loadOnnx } from '../../src/io/index.ts';
import { MessageWriter } from '../../src/io/wire.ts';

interface Case {
  readonly name: string;
  readonly model: string;
  readonly integers: boolean;
  readonly input: { shape: number[]; data: number[] };
  readonly outputs: { shape: number[]; data: number[] }[];
}

const cases: Case[] = JSON.parse(
  readFileSync(new URL('./fixtures/onnx_models.json', import.meta.url), 'utf8'),
);
const bytesOf = ({ model }: Case): Uint8Array => Uint8Array.from(Buffer.from(model, 'base64'));
const inputOf = ({ input, integers }: Case): Tensor =>
  tensor(input.data, { shape: input.shape, dtype: integers ? 'int32' : 'float32' });

const close = (
  actual: Tensor,
  expected: { shape: readonly number[]; data: ArrayLike<number> },
  within: number,
) => {
  expect(actual.shape).toEqual(expected.shape);
  const data = actual.dataSync();
  const worst = Math.max(...Array.from(data, (v, i) => Math.abs(v - expected.data[i])));
  expect(worst).toBeLessThan(within);
};

test.each(cases)("$name gives PyTorch's outputs, jitted or not", async (c) => {
  const model = await loadOnnx(bytesOf(c));
  for (const run of [model.run, jit(model.run)]) {
    const out = run(inputOf(c));
    c.outputs.forEach((expected, i) => {
      close(out[model.outputs[i].name], expected, 2e-5);
    });
  }
});

test('weights are variables that train', async () => {
  const model = await loadOnnx(bytesOf(cases[0]));
  const x = inputOf(cases[0]);
  const [loss, grads] = valueAndGrad(() => model.forward(x).square().sum(), model);
  expect(loss.item()).toBeGreaterThan(0);
  expect(grads.size).toBe(model.parameters().length);
  expect(grads.get(model.weights['fc.weight'])!.abs().max().item()).toBeGreaterThan(0);
});

test('inputs that do not fit are named', async () => {
  const model = await loadOnnx(bytesOf(cases[0]));
  expect(() => model.run({})).toThrow(/the input "x" of float32\[batch, 2, 8, 8\] is missing/);
  expect(() => model.forward(tensor([[1]]))).toThrow(
    /must be float32\[batch, 2, 8, 8\], got float32\[1, 1\]/,
  );
  expect(() => model.run({ x: inputOf(cases[0]), z: tensor(1) })).toThrow(
    /there is no input "z"; inputs are x/,
  );
});

/** A model with the given nodes, from `x` to `y`. */
function modelOf(nodes: MessageWriter[], initializers: MessageWriter[] = []): Uint8Array {
  const value = (name: string) => {
    const type = new MessageWriter().message(1, new MessageWriter().integer(1, 1));
    return new MessageWriter().text(1, name).message(2, type);
  };
  const graph = new MessageWriter();
  for (const node of nodes) graph.message(1, node);
  for (const tensorMessage of initializers) graph.message(5, tensorMessage);
  graph.text(2, 'g').message(11, value('x')).message(12, value('y'));
  const opset = new MessageWriter().text(1, '').integer(2, 18);
  return new MessageWriter().integer(1, 8).message(7, graph).message(8, opset).finish();
}
const node = (op: string, inputs: string[], outputs: string[], name = ''): MessageWriter => {
  const writer = new MessageWriter();
  for (const input of inputs) writer.text(1, input);
  for (const output of outputs) writer.text(2, output);
  return writer.text(3, name).text(4, op);
};
const integers = (name: string, values: number[]): MessageWriter =>
  new MessageWriter().integers(1, [values.length]).integer(2, 7).integers(7, values).text(8, name);

test('one error lists all operators that are not supported', async () => {
  const bytes = modelOf([
    node('NonMaxSuppression', ['x'], ['a'], 'suppress'),
    node('Relu', ['a'], ['b']),
    node('StringSplit', ['b'], ['c']),
    node('NonMaxSuppression', ['c'], ['y'], 'again'),
  ]);
  await expect(loadOnnx(bytes)).rejects.toThrow(
    'loadOnnx: these operators are not supported: NonMaxSuppression ("suppress", "again"); StringSplit ("c")',
  );
});

test('64-bit integers beyond 32 bits serve as bounds, and nothing else', async () => {
  const far = 2 ** 62;
  const slice = await loadOnnx(
    modelOf([node('Slice', ['x', 'from', 'to'], ['y'])], [integers('from', [-2]), integers('to', [far])]),
  );
  expect(slice.forward(tensor([1, 2, 3])).toArray()).toEqual([2, 3]);
  const gather = await loadOnnx(modelOf([node('Gather', ['x', 'at'], ['y'], 'g')], [integers('at', [far])]));
  expect(() => gather.forward(tensor([1, 2, 3]))).toThrow(
    /Gather "g": "at": element 0 is 4611686018427388000, which does not fit/,
  );
});

test('data in other files: read beside the model only', async () => {
  const entry = (key: string, value: string) => new MessageWriter().text(1, key).text(2, value);
  const outside = (location: string) =>
    new MessageWriter()
      .integers(1, [2])
      .integer(2, 1)
      .text(8, 'w')
      .message(13, entry('location', location))
      .integer(14, 1);
  const bytes = modelOf([node('Add', ['x', 'w'], ['y'])], [outside('w.bin')]);
  await expect(loadOnnx(bytes)).rejects.toThrow(
    /the data of "w" are in another file, "w.bin"; load the model by its path/,
  );
  const { mkdtempSync, writeFileSync } = await import('node:fs');
  const folder = mkdtempSync(join((await import('node:os')).tmpdir(), 'nabla-onnx-'));
  writeFileSync(join(folder, 'm.onnx'), bytes);
  await expect(loadOnnx(join(folder, 'm.onnx'))).rejects.toThrow(
    /cannot read .*w\.bin: it has the data of "w"/,
  );
  writeFileSync(join(folder, 'w.bin'), new Uint8Array(Float32Array.of(1, 2).buffer));
  expect((await loadOnnx(join(folder, 'm.onnx'))).forward(tensor([1, 1])).toArray()).toEqual([2, 3]);
  writeFileSync(join(folder, 'm.onnx'), modelOf([node('Add', ['x', 'w'], ['y'])], [outside('../w.bin')]));
  await expect(loadOnnx(join(folder, 'm.onnx'))).rejects.toThrow(/only files beside the model are read/);
});

test('500 mutated files give an error or a model, and no huge arrays', async () => {
  let state = 12345;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  let [failed, loaded] = [0, 0];
  for (let i = 0; i < 500; i++) {
    const c = cases[i % cases.length];
    let bytes = bytesOf(c);
    for (let k = 0; k <= random(4); k++) bytes[random(bytes.length)] = random(256);
    if (i % 7 === 0) bytes = bytes.slice(0, random(bytes.length));
    try {
      const model = await loadOnnx(bytes);
      loaded++;
      model.forward(inputOf(c));
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      expect((error as Error).message).toMatch(/^loadOnnx: |^valuesOf|cannot read/);
      failed++;
    }
  }
  expect(failed).toBeGreaterThan(100);
  expect(loaded).toBeGreaterThan(0);
});

const data = process.env.NABLA_DATA;

describe.skipIf(data === undefined)('real models', () => {
  test("CNTK's MNIST model gets 98.91 % of the test images right", async () => {
    const model = await loadOnnx(join(data!, 'weights/mnist-cntk-onnx/mnist.onnx'));
    const images = await readIdx(join(data!, 'mnist/t10k-images-idx3-ubyte.gz'));
    const labels = await readIdx(join(data!, 'mnist/t10k-labels-idx1-ubyte.gz'));
    // The model takes one image; vmap gives it many.
    const classify = jit(vmap((x: Tensor) => model.forward(x).argmax()));
    let right = 0;
    for (let from = 0; from < 10_000; from += 1000) {
      const part = Float32Array.from(images.data.subarray(from * 784, (from + 1000) * 784));
      const guesses = classify(tensor(part, { shape: [1000, 1, 1, 28, 28] })).dataSync();
      guesses.forEach((guess, i) => {
        if (guess === labels.data[from + i]) right++;
      });
    }
    expect(right).toBe(9891);
  });

  const runtime = new URL('../../bench/node_modules/onnxruntime-node/package.json', import.meta.url);
  test.skipIf(!existsSync(runtime))("FastestDet gives onnxruntime's outputs", async () => {
    const path = join(data!, 'weights/fastestdet/FastestDet.onnx');
    const ort = createRequire(runtime)('onnxruntime-node');
    const pixels = Float32Array.from({ length: 3 * 352 * 352 }, (_, i) => 0.5 + 0.5 * Math.sin(i * 0.013));
    const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
    const theirs = await session.run({ 'input.1': new ort.Tensor('float32', pixels, [1, 3, 352, 352]) });
    const model = await loadOnnx(path);
    const ours = jit(model.forward)(tensor(pixels, { shape: [1, 3, 352, 352] }));
    close(ours, { shape: [1, 85, 22, 22], data: theirs['758'].data }, 1e-4);
  });
});
