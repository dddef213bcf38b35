// Training steps of LeNet-5 with Adam, batch 128, on the wasm tier with one thread: time to the first step, then the median.
// npm run build && NABLA_THREADS=1 node bench/lenet5.mjs [batch]
import { jit, random, valueAndGrad } from '../dist/index.js';
import * as nn from '../dist/nn/index.js';
import * as optim from '../dist/optim/index.js';
import { LeNet5 } from '../dist/recipes/lenet5.js';

const batch = Number(process.argv[2] ?? 128);
const model = new LeNet5();
const optimizer = new optim.Adam(model, { lr: 1e-3 });
const step = jit((x, y) => {
  const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
  optimizer.update(grads);
  return loss;
});
const x = random.uniform([batch, 28, 28, 1]);
const y = random.randint([batch], 0, 10);
x.dataSync();
y.dataSync();

const time = () => {
  const start = performance.now();
  step(x, y).item();
  return performance.now() - start;
};
const first = time();
const times = Array.from({ length: 100 }, time).sort((a, b) => a - b);
console.log(
  `LeNet-5, batch ${batch}: first step ${first.toFixed(0)} ms, then median ${times[50].toFixed(2)} ms (fastest ${times[0].toFixed(2)})`,
);
