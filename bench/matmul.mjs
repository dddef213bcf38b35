// Matrix products of nabla's wasm tier against TensorFlow.js's wasm backend, one thread each, alternating A B A B in one process.
// npm run build && npm --prefix bench ci && NABLA_THREADS=1 node bench/matmul.mjs
import { createRequire } from 'node:module';
import path from 'node:path';
import { jit, random } from '../dist/index.js';

const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs-core');
const { setWasmPaths, setThreadsCount } = require('@tensorflow/tfjs-backend-wasm');
setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
setThreadsCount(1);
await tf.setBackend('wasm');
await tf.ready();

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const time = (body) => {
  const start = performance.now();
  body();
  return performance.now() - start;
};

console.log('size   nabla GFLOP/s   tfjs GFLOP/s   ratio');
for (const n of process.argv.slice(2).length > 0 ? process.argv.slice(2).map(Number) : [64, 256, 512, 1024]) {
  const [a, b] = [random.uniform([n, n]), random.uniform([n, n])];
  const multiply = jit((x, y) => x.matmul(y));
  const [c, d] = [tf.tensor2d(a.dataSync(), [n, n]), tf.tensor2d(b.dataSync(), [n, n])];
  // Both compute at once and let their result go.
  const theirs = () => tf.matMul(c, d).dispose();
  const ours = () => multiply(a, b).dispose();
  const rounds = Math.max(7, Math.ceil(2e8 / n ** 3));
  const [mine, peer, ratios] = [[], [], []];
  for (let i = 0; i < rounds + 3; i++) {
    const [x, y] = [time(ours), time(theirs)];
    if (i < 3) continue;
    mine.push(x);
    peer.push(y);
    ratios.push(y / x);
  }
  const rate = (ms) => ((2 * n ** 3) / ms / 1e6).toFixed(1);
  console.log(
    `${String(n).padEnd(6)} ${rate(median(mine)).padStart(13)} ${rate(median(peer)).padStart(14)} ${median(ratios).toFixed(2).padStart(7)}`,
  );
}
