// What recording and compiling cost before anything runs: microseconds per node of a graph, and the time that a jitted training step
// of ResNet-18 takes from its first call to the finished WebAssembly module (trace, derivatives, passes, plan, code).
//
//   npm run --silent build && node bench/graph.mjs
//
// A node is counted for each that the library makes, also those of broadcasting and of derivatives.
import { performance } from 'node:perf_hooks';

process.env.NABLA_TIER = 'wasm';
const { grad, jit, ones, random, tensor, valueAndGrad, zeros } = await import('../dist/index.js');
const graph = await import('../dist/graph/build.js');
const { watchCompilations } = await import('../dist/runtime/evaluate.js');
const nn = await import('../dist/nn/index.js');
const optim = await import('../dist/optim/index.js');
const { ResNet18 } = await import('./models.mjs');

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const times = (n, body) => Array.from({ length: n }, (_, i) => body(i));

/** Nodes are numbered as they are made. */
const newest = () => graph.input([], 'float32').id;

function perNode(name, body) {
  const samples = times(50, () => {
    const first = newest();
    const start = performance.now();
    body();
    const milliseconds = performance.now() - start;
    return { nodes: newest() - first - 1, milliseconds };
  });
  const micros = median(samples.map(({ nodes, milliseconds }) => (1000 * milliseconds) / nodes));
  console.log(`${name.padEnd(40)} ${micros.toFixed(2)} us a node (${samples[0].nodes} nodes)`);
}

const x = ones([32, 32]);
const y = ones([32]);
perNode('constructors of nodes', () => {
  for (let i = 0; i < 500; i++) {
    const product = graph.unary('exp', graph.mul(graph.add(x.node, x.node), x.node));
    const sum = graph.reduce('sum', product, [1]);
    graph.broadcast(graph.reshape(sum, [32, 1, 1]), [32, 1, 1, 8], [0, 1, 2]);
    graph.transpose(product, [1, 0]);
  }
});
perNode('methods of arrays', () => {
  for (let i = 0; i < 250; i++) {
    const z = x.add(y).mul(0.5).exp();
    z.sub(z.mean(1, { keepDims: true }))
      .matmul(x)
      .reshape([4, 8, 32])
      .sum(-1);
  }
});
const layers = (w) => {
  let h = x;
  for (let i = 0; i < 100; i++) h = h.matmul(w).add(y).tanh();
  return h.square().mean();
};
perNode('a network of 100 layers', () => layers(x));
perNode('the same with its gradient', () => grad(layers)(x));

random.seed(0);
const model = new ResNet18();
const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
const train = (images, labels) => {
  const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(images), labels), model);
  optimizer.update(grads);
  return loss;
};
perNode('a training step of ResNet-18', () => {
  // It fails at the end, so that nothing is compiled and no variable changes.
  try {
    jit((images, labels) => {
      train(images, labels);
      throw new RangeError('recorded');
    })(zeros([2, 64, 64, 3]), tensor([0, 1], { dtype: 'int32' }));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
});
const compilations = times(7, (i) => {
  const images = zeros([2, 64, 64, 3]);
  const labels = tensor([0, i], { dtype: 'int32' });
  const parameters = model.parameters().map((variable) => variable.value);
  for (const array of [images, labels, ...parameters]) array.dataSync();
  const start = performance.now();
  let end = start;
  watchCompilations(
    () => {
      end = performance.now();
    },
    () => jit(train)(images, labels),
  );
  return end - start;
});
console.log(
  `compiling that step: first ${compilations[0].toFixed(0)} ms, then ${median(compilations.slice(1)).toFixed(0)} ms`,
);
