// TensorFlow.js: BENCH_BACKEND is wasm or cpu. It has no jit; a step is a tidy of operations and tf.train.adam.
import { createRequire } from 'node:module';
import path from 'node:path';
import { floats, inputsOf, integers } from './inputs.mjs';
import { serve, Unsupported } from './serve.mjs';

const require = createRequire(import.meta.url);
const backend = process.env.BENCH_BACKEND ?? 'wasm';

await serve(async () => {
  const tf = require('@tensorflow/tfjs');
  if (backend === 'wasm') {
    const wasm = require('@tensorflow/tfjs-backend-wasm');
    wasm.setThreadsCount(1);
    wasm.setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`the backend ${backend} does not start`);
  await tf.ready();

  const variable = (shape, scale, seed) => tf.variable(tf.mul(tf.tensor(floats(shape, seed), shape), scale));
  const linear = (inputs, outputs, seed) => {
    const w = variable([inputs, outputs], 1 / Math.sqrt(inputs), seed);
    const b = tf.variable(tf.zeros([outputs]));
    return { call: (x) => tf.add(tf.matMul(x, w), b), own: [w, b] };
  };
  const filters = (inputs, outputs, kernel, pad, seed) => {
    const w = variable([kernel, kernel, inputs, outputs], 1 / (kernel * Math.sqrt(inputs)), seed);
    const b = tf.variable(tf.zeros([outputs]));
    return { call: (x) => tf.add(tf.conv2d(x, w, 1, pad), b), own: [w, b] };
  };
  const pool = (x) => tf.maxPool(x, 2, 2, 'valid');

  /** The function of an input that gives logits, and the number of parameters. */
  const modelOf = (spec) => {
    const count = (layers) =>
      layers.flatMap(({ own }) => own).reduce((sum, parameter) => sum + parameter.size, 0);
    switch (spec.type) {
      case 'mlp': {
        const layers = spec.sizes.slice(1).map((outputs, i) => linear(spec.sizes[i], outputs, i));
        const forward = (x) => layers.reduce((y, layer, i) => layer.call(i === 0 ? y : tf.relu(y)), x);
        return { forward, size: count(layers) };
      }
      case 'lenet5':
      case 'convnet': {
        const small = spec.type === 'lenet5';
        const [conv1, conv2] = small
          ? [filters(1, 6, 5, 2, 1), filters(6, 16, 5, 0, 2)]
          : [filters(1, 32, 5, 2, 1), filters(32, 64, 5, 2, 2)];
        const sizes = small ? [400, 120, 84, 10] : [3136, 1024, 10];
        const dense = sizes.slice(1).map((outputs, i) => linear(sizes[i], outputs, i + 3));
        const forward = (x) => {
          const y = pool(tf.relu(conv2.call(pool(tf.relu(conv1.call(x))))));
          const flat = tf.reshape(y, [y.shape[0], sizes[0]]);
          return dense.reduce((z, layer, i) => layer.call(i === 0 ? z : tf.relu(z)), flat);
        };
        return { forward, size: count([conv1, conv2, ...dense]) };
      }
      case 'lstm': {
        const { vocabulary, hidden, steps } = spec;
        const scale = 1 / Math.sqrt(hidden);
        const table = variable([vocabulary, hidden], 1, 1);
        const [wx, wh] = [2, 3].map((seed) => variable([hidden, 4 * hidden], scale, seed));
        const [bx, bh] = [0, 1].map(() => tf.variable(tf.zeros([4 * hidden])));
        const head = linear(hidden, vocabulary, 4);
        const forward = (symbols) => {
          const [batch] = symbols.shape;
          const flat = tf.reshape(symbols, [batch * steps]);
          const embedded = tf.matMul(tf.cast(tf.oneHot(flat, vocabulary), 'float32'), table);
          const inputs = tf.add(tf.matMul(embedded, wx), tf.add(bx, bh));
          const byTime = tf.unstack(tf.reshape(inputs, [batch, steps, 4 * hidden]), 1);
          let [h, c] = [tf.zeros([batch, hidden]), tf.zeros([batch, hidden])];
          const outputs = byTime.map((input) => {
            const [i, f, g, o] = tf.split(tf.add(input, tf.matMul(h, wh)), 4, 1);
            c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
            h = tf.mul(tf.sigmoid(o), tf.tanh(c));
            return h;
          });
          return head.call(tf.reshape(tf.stack(outputs, 1), [batch * steps, hidden]));
        };
        return { forward, size: count([{ own: [table, wx, wh, bx, bh] }, head]) };
      }
      default:
        throw new Unsupported(`the model ${spec.type} is not written for TensorFlow.js`);
    }
  };
  const inputOf = ({ shape, below }) =>
    below === undefined ? tf.tensor(floats(shape), shape) : tf.tensor(integers(shape, below), shape, 'int32');

  const prepare = {
    train({ model: spec, batch }) {
      const inputs = inputsOf(spec, batch);
      const { forward, size } = modelOf(spec);
      const optimizer = tf.train.adam(1e-3);
      const x = inputOf(inputs);
      const labels = integers(inputs.labels, inputs.classes);
      const targets = tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), inputs.classes), 'float32');
      const loss = () => tf.losses.softmaxCrossEntropy(targets, forward(x));
      const step = () => {
        const value = optimizer.minimize(loss, true);
        value.dataSync();
        value.dispose();
      };
      return { step, size };
    },
    infer({ model: spec, batch, input }) {
      const inputs = inputsOf(spec, batch);
      const { forward, size } = modelOf(spec);
      const [values, x] = [floats(inputs.shape), inputOf(inputs)];
      const next = input === 'fresh' ? () => tf.tensor(values.slice(), inputs.shape) : () => x;
      return { step: () => tf.tidy(() => forward(next()).dataSync()), size };
    },
    matmul({ size: n }) {
      const [a, b] = [1, 2].map((seed) => tf.tensor2d(floats([n, n], seed), [n, n]));
      return { step: () => tf.matMul(a, b).dispose(), size: [n, n] };
    },
  };
  return {
    about: `TensorFlow.js ${tf.version.tfjs}`,
    prepare: (workload) => {
      if (prepare[workload.kind] === undefined)
        throw new Unsupported(`${workload.kind}: not written for TensorFlow.js`);
      return prepare[workload.kind](workload);
    },
  };
});
