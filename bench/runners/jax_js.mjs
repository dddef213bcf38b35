// jax-js on its WebAssembly backend (one thread: it starts workers only in browsers), every step one jitted function. Functions own
// their arguments there: `x.ref` is one more use of x.
import { readFileSync } from 'node:fs';
import { floats, inputsOf, integers } from './inputs.mjs';
import { serve, Unsupported } from './serve.mjs';

const packageFile = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url);

await serve(async () => {
  // It looks at the browser's name while it compiles; Node has none before version 21.
  if (globalThis.navigator === undefined)
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'node' }, configurable: true });
  const jax = await import('@jax-js/jax');
  const { numpy: np, nn, lax, tree } = jax;
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8'));

  const array = (values, shape) => np.array(values, { shape });
  const linear = (inputs, outputs, seed) => ({
    w: array(floats([inputs, outputs], seed), [inputs, outputs]).mul(1 / Math.sqrt(inputs)),
    b: np.zeros([outputs]),
  });
  const dense = (x, { w, b }) => np.dot(x, w).add(b);
  const filters = (inputs, outputs, kernel, seed) => ({
    w: array(floats([outputs, inputs, kernel, kernel], seed), [outputs, inputs, kernel, kernel]).mul(
      1 / (kernel * Math.sqrt(inputs)),
    ),
    b: np.zeros([outputs, 1, 1]),
  });
  const conv = (x, { w, b }, pad) =>
    lax
      .convGeneralDilated(
        x,
        w,
        [1, 1],
        [
          [pad, pad],
          [pad, pad],
        ],
      )
      .add(b);
  const pool = (x) => {
    const [batch, channels, height, width] = x.shape;
    return np.max(x.reshape([batch, channels, height / 2, 2, width / 2, 2]), [3, 5]);
  };

  /** Weights, and the function of weights and input that gives logits. */
  const modelOf = (spec) => {
    switch (spec.type) {
      case 'mlp': {
        const weights = spec.sizes.slice(1).map((outputs, i) => linear(spec.sizes[i], outputs, i));
        const forward = (layers, x) =>
          layers.reduce((y, layer, i) => dense(i === 0 ? y : nn.relu(y), layer), x);
        return { weights, forward };
      }
      case 'lenet5': {
        const weights = {
          conv1: filters(1, 6, 5, 1),
          conv2: filters(6, 16, 5, 2),
          fc1: linear(400, 120, 3),
          fc2: linear(120, 84, 4),
          fc3: linear(84, 10, 5),
        };
        const forward = (p, x) => {
          const y = pool(nn.relu(conv(pool(nn.relu(conv(x, p.conv1, 2))), p.conv2, 0)));
          const flat = y.reshape([y.shape[0], 400]);
          return dense(nn.relu(dense(nn.relu(dense(flat, p.fc1)), p.fc2)), p.fc3);
        };
        return { weights, forward };
      }
      case 'convnet': {
        const weights = {
          conv1: filters(1, 32, 5, 1),
          conv2: filters(32, 64, 5, 2),
          fc1: linear(3136, 1024, 3),
          fc2: linear(1024, 10, 4),
        };
        const forward = (p, x) => {
          const y = pool(nn.relu(conv(pool(nn.relu(conv(x, p.conv1, 2))), p.conv2, 2)));
          return dense(nn.relu(dense(y.reshape([y.shape[0], 3136]), p.fc1)), p.fc2);
        };
        return { weights, forward };
      }
      case 'lstm': {
        const { vocabulary, hidden, steps } = spec;
        const matrix = (rows, columns, seed) =>
          array(floats([rows, columns], seed), [rows, columns]).mul(1 / Math.sqrt(hidden));
        const weights = {
          table: matrix(vocabulary, hidden, 1),
          wx: matrix(hidden, 4 * hidden, 2),
          wh: matrix(hidden, 4 * hidden, 3),
          bx: np.zeros([4 * hidden]),
          bh: np.zeros([4 * hidden]),
          head: linear(hidden, vocabulary, 4),
        };
        // The recurrence is written out: there is no scan.
        const forward = (p, symbols) => {
          const [batch] = symbols.shape;
          const embedded = np.dot(nn.oneHot(symbols, vocabulary), p.table);
          const inputs = np.dot(embedded, p.wx).add(p.bx.add(p.bh));
          let [h, c] = [np.zeros([batch, hidden]), np.zeros([batch, hidden])];
          const outputs = [];
          for (let t = 0; t < steps; t++) {
            const gates = inputs.ref.slice([], t).add(np.dot(h, p.wh.ref));
            const [i, f, g, o] = np.split(gates, 4, 1);
            c = nn
              .sigmoid(f)
              .mul(c)
              .add(nn.sigmoid(i).mul(np.tanh(g)));
            h = nn.sigmoid(o).mul(np.tanh(c.ref));
            outputs.push(h.ref);
          }
          for (const left of [h, c, inputs, p.wh]) left.dispose();
          return dense(np.stack(outputs, 1), p.head);
        };
        return { weights, forward };
      }
      default:
        throw new Unsupported(`the model ${spec.type} is not written for jax-js`);
    }
  };

  const sizeOf = (weights) => tree.leaves(weights).reduce((sum, leaf) => sum + leaf.size, 0);

  /** Adam on lists of arrays; `rate` is the learning rate with both corrections for the number of the step. */
  const adam = (parameters, gradients, first, second, rate) => {
    const news = parameters.map((p, i) => {
      const m = first[i].mul(0.9).add(gradients[i].ref.mul(0.1));
      const v = second[i].mul(0.999).add(np.square(gradients[i]).mul(0.001));
      return { p: p.sub(rate.ref.mul(m.ref).div(np.sqrt(v.ref).add(1e-8))), m, v };
    });
    rate.dispose();
    return ['p', 'm', 'v'].map((name) => news.map((entry) => entry[name]));
  };

  const inputOf = ({ shape, below }) => {
    if (below !== undefined) return array(integers(shape, below), shape);
    // Channels are second there; there is one, or the model is not written.
    const [batch, height, width, channels] = shape;
    return array(floats(shape), shape.length === 4 ? [batch, channels, height, width] : shape);
  };

  const prepare = {
    train({ model: spec, batch }) {
      const inputs = inputsOf(spec, batch);
      const { weights, forward } = modelOf(spec);
      const size = sizeOf(tree.ref(weights));
      const lossOf = (p, x, y) => {
        const logProbabilities = nn.logSoftmax(forward(p, x));
        const examples = inputs.labels.reduce((all, n) => all * n, 1);
        return np.sum(logProbabilities.mul(nn.oneHot(y, inputs.classes))).mul(-1 / examples);
      };
      const [leaves, structure] = tree.flatten(weights);
      const program = jax.jit((parameters, first, second, rate, x, y) => {
        const trees = tree.unflatten(
          structure,
          parameters.map((p) => p.ref),
        );
        const [loss, gradients] = jax.valueAndGrad(lossOf)(trees, x, y);
        return [loss, ...adam(parameters, tree.leaves(gradients), first, second, rate)];
      });
      let parameters = leaves;
      let [first, second] = [0, 1].map(() => leaves.map((leaf) => np.zeros(leaf.shape)));
      const x = inputOf(inputs);
      const y = array(integers(inputs.labels, inputs.classes), inputs.labels);
      let steps = 0;
      const step = () => {
        steps++;
        const rate = np.array((1e-3 * Math.sqrt(1 - 0.999 ** steps)) / (1 - 0.9 ** steps));
        let loss;
        [loss, parameters, first, second] = program(parameters, first, second, rate, x.ref, y.ref);
        return loss.dataSync();
      };
      return { step, size };
    },
    infer({ model: spec, batch, input }) {
      const inputs = inputsOf(spec, batch);
      const { weights, forward } = modelOf(spec);
      const size = sizeOf(tree.ref(weights));
      const program = jax.jit(forward);
      const [values, x] = [floats(inputs.shape), inputOf(inputs)];
      const next = input === 'fresh' ? () => array(values.slice(), x.shape) : () => x.ref;
      return { step: () => program(tree.ref(weights), next()).dataSync(), size };
    },
    matmul({ size: n }) {
      const [a, b] = [array(floats([n, n], 1), [n, n]), array(floats([n, n], 2), [n, n])];
      const multiply = jax.jit((x, y) => np.matmul(x, y));
      const step = async () => (await multiply(a.ref, b.ref).blockUntilReady()).dispose();
      return { step, size: [n, n] };
    },
  };
  return {
    about: `jax-js ${version}`,
    prepare: (workload) => {
      if (prepare[workload.kind] === undefined)
        throw new Unsupported(`${workload.kind}: not written for jax-js`);
      return prepare[workload.kind](workload);
    },
  };
});
