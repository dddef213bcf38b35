// What feeding costs: training of LeNet-5 on 28x28 images, with batches that are in memory against batches that the loader makes of bytes.
//
//   npm run --silent build && node bench/loader.mjs [--rounds 9] [--tiers native,wasm] [--threads 1,2] [--json FILE]
//
// For each tier and number of compute threads, a process takes turns A B C A B C: a turn is 40 steps with batches of 128. A line's
// throughput is the median of its turns, its loss the median over the rounds of what it loses against `in memory` in the same round. `CPU`
// is the processor time of the whole process for an image, in the median, so what a line has more than the first one is what feeding costs
// on all threads. The target: with augmentation on, less than 10 % is lost.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    tiers: { type: 'string', default: 'native,wasm' },
    threads: { type: 'string', default: '1,2' },
    json: { type: 'string' },
    contender: { type: 'boolean', default: false },
  },
});
const [batchSize, batches] = [128, 40];
const target = 10;

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Measures with this process's tier and threads. */
async function measure(rounds) {
  const { jit, random, valueAndGrad } = await import('../dist/index.js');
  const nn = await import('../dist/nn/index.js');
  const optim = await import('../dist/optim/index.js');
  const { compose, loader, randomAffine, randomCrop, randomRotation } = await import('../dist/data/index.js');
  const { LeNet5 } = await import('../dist/recipes/lenet5.js');

  // Digits would do as well: no time here depends on pixels. As many as in MNIST, of which an epoch is a part.
  const count = 60_000;
  const data = {
    name: 'noise',
    ...{ count, shape: [28, 28, 1], classes: 10 },
    images: new Uint8Array(count * 784).map((_, i) => (Math.imul(i, 2654435761) >>> 8) & 255),
    labels: new Uint8Array(count).map((_, i) => i % 10),
  };
  random.seed(0);
  const model = new LeNet5();
  const optimizer = new optim.Adam(model, { lr: 1e-3 });
  const step = jit((x, y) => {
    const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    optimizer.update(grads);
    return loss;
  });
  const crop = randomCrop(28, { padding: 2 });
  const affine = randomAffine({ degrees: 10, translate: 0.1, scale: [0.9, 1.1], shear: 5 });
  const made = (augment, workers) =>
    loader(data, { batchSize, shuffle: true, dropLast: true, mean: 0.1307, std: 0.3081, augment, workers });
  const first = (batches, n) => {
    const list = [];
    for (const batch of batches) if (list.push(batch) === n) break;
    return list;
  };
  const kept = first(made(undefined, 0), batches);
  for (const [x, y] of kept) for (const array of [x, y]) array.dataSync();
  const lines = new Map([
    ['in memory', kept],
    ['loader', made(undefined, 1)],
    ['loader, shift', made(crop, 1)],
    ['loader, rotation', made(randomRotation(10), 1)],
    ['loader, affine and shift', made(compose(affine, crop), 1)],
    ['the same, on the main thread', made(compose(affine, crop), 0)],
  ]);
  // An iteration goes on from turn to turn, so that the order of an epoch is made as seldom as in training.
  const running = new Map();
  const next = (line) => {
    for (;;) {
      const iterator = running.get(line) ?? lines.get(line)[Symbol.iterator]();
      running.set(line, iterator);
      const { done, value } = iterator.next();
      if (!done) return value;
      running.delete(line);
    }
  };
  const turn = (line) => {
    const [usage, start] = [process.cpuUsage(), performance.now()];
    for (let i = 0; i < batches; i++) {
      const [x, y] = next(line);
      step(x, y).item();
      // As fit does with what a loader made.
      if (line !== 'in memory') x.dispose();
    }
    const time = (performance.now() - start) * 1000;
    const { user, system } = process.cpuUsage(usage);
    const images = batches * batchSize;
    return { time: time / images, cpu: (user + system) / images };
  };
  const turns = new Map([...lines.keys()].map((line) => [line, []]));
  for (let round = -1; round < rounds; round++)
    for (const [line, list] of turns) {
      const result = turn(line);
      if (round >= 0) list.push(result);
    }
  const base = turns.get('in memory');
  return [...turns].map(([line, list]) => ({
    line,
    perSecond: 1e6 / median(list.map(({ time }) => time)),
    loss: 100 * median(list.map(({ time }, i) => 1 - base[i].time / time)),
    cpu: median(list.map(({ cpu }) => cpu)),
    moreCpu: median(list.map(({ cpu }, i) => cpu - base[i].cpu)),
  }));
}

if (options.contender) {
  console.log(JSON.stringify(await measure(Number(options.rounds))));
  process.exit(0);
}

const results = [];
let reached = true;
for (const tier of options.tiers.split(','))
  for (const threads of options.threads.split(',')) {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [fileURLToPath(import.meta.url), '--contender', '--rounds', options.rounds],
      {
        encoding: 'utf8',
        env: { ...process.env, NABLA_TIER: tier, NABLA_THREADS: threads },
        maxBuffer: 2 ** 24,
      },
    );
    if (status !== 0) throw new Error(`${tier}, ${threads} threads: ${stderr}`);
    const lines = JSON.parse(stdout.trim().split('\n').at(-1));
    console.log(
      `\n${tier}, ${threads} compute thread${threads === '1' ? '' : 's'} of ${availableParallelism()} processors`,
    );
    console.log('| batches                      | images a second |   lost | CPU, µs an image | more |');
    console.log('| ---------------------------- | --------------: | -----: | ---------------: | ---: |');
    for (const { line, perSecond, loss, cpu, moreCpu } of lines) {
      const fields = [
        line.padEnd(28),
        Math.round(perSecond).toLocaleString('en').padStart(15),
        `${loss.toFixed(1)} %`.padStart(6),
        cpu.toFixed(1).padStart(16),
        moreCpu.toFixed(1).padStart(4),
      ];
      console.log(`| ${fields.join(' | ')} |`);
      if (line.startsWith('loader') && loss >= target) reached = false;
    }
    results.push({ tier, threads: Number(threads), lines });
  }
console.log(
  `\nless than ${target} % lost by each loader on a thread: ${reached ? 'reached' : 'NOT reached'}`,
);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
