// onnxruntime-node on its CPU provider with BENCH_THREADS threads; the first call makes the session.
import { createRequire } from 'node:module';
import { floats, inputsOf } from './inputs.mjs';
import { onnxModel, onnxModels } from './onnx_models.mjs';
import { serve, Unsupported } from './serve.mjs';

const require = createRequire(import.meta.url);

await serve(() => {
  const ort = require('onnxruntime-node');
  const { version } = require('onnxruntime-node/package.json');
  const prepare = ({ kind, model: spec, batch, input }) => {
    if (kind !== 'infer') throw new Unsupported('onnxruntime is for inference');
    if (!onnxModels.includes(spec.type))
      throw new Unsupported(`the model ${spec.type} is not written as ONNX`);
    const { shape: channelsLast, classes } = inputsOf(spec, batch);
    const [n, h, w, c] = channelsLast;
    const shape = channelsLast.length === 4 ? [n, c, h, w] : channelsLast;
    const { bytes, output, parameters } = onnxModel(spec, shape, classes);
    const values = floats(shape);
    const x = new ort.Tensor('float32', values, shape);
    const next = input === 'fresh' ? () => new ort.Tensor('float32', values.slice(), shape) : () => x;
    let session = null;
    const step = async () => {
      session ??= await ort.InferenceSession.create(bytes, {
        executionProviders: ['cpu'],
        intraOpNumThreads: Number(process.env.BENCH_THREADS ?? 1),
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
      });
      const result = await session.run({ x: next() });
      return result[output].data;
    };
    return { step, size: parameters };
  };
  return { about: `onnxruntime-node ${version}`, prepare };
});
