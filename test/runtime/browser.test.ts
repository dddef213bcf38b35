import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, inBrowser } from '../support/browser.ts';
import { buildPackage } from '../support/build_package.ts';

/** The built package in browsers: what it imports, and the same bits as in Node. */

const browser = findBrowser();
let built = '';

beforeAll(() => {
  built = buildPackage('browser');
  writeFileSync(join(built, 'train.mjs'), training);
  writeFileSync(join(built, 'pool.mjs'), pool);
  writeFileSync(join(built, 'worker.mjs'), "import main from './train.mjs';\nmain().then(postMessage);\n");
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** Steps of LeNet-5; the result is a hash of the weights and on how many threads they came about. */
const training = `
import { jit, random, valueAndGrad } from './dist/index.js';
import * as nn from './dist/nn/index.js';
import * as optim from './dist/optim/index.js';
import { heap } from './dist/runtime/cpu/wasm_program.js';

export default async function train() {
  random.seed(5);
  const model = new nn.Sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }), new nn.ReLU(), new nn.MaxPool2d(2),
    new nn.Conv2d(6, 16, 5), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(),
    new nn.Linear(400, 120), new nn.ReLU(), new nn.Linear(120, 84), new nn.ReLU(), new nn.Linear(84, 10),
  );
  const optimizer = new optim.Adam(model, { lr: 1e-3 });
  const step = jit((x, y) => {
    const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    optimizer.update(grads);
    return loss;
  });
  const [x, y] = [random.uniform([32, 28, 28, 1]), random.randint([32], 0, 10)];
  const losses = [step(x, y).item()];
  const ready = (await heap().pool?.untilReady()) ?? false;
  for (let i = 0; i < 5; i++) losses.push(step(x, y).item());
  let [hash, count] = [2166136261, 0];
  for (const { value } of model.parameters()) {
    const { buffer, byteOffset, length } = value.dataSync();
    for (const word of new Uint32Array(buffer, byteOffset, length)) hash = Math.imul(hash ^ word, 16777619) >>> 0;
    count += length;
  }
  return { threads: heap().threads, ready, count, hash, falls: losses[5] < losses[0] };
}
`;

/** A pool of two threads, and what becomes of it when a chunk traps or a worker ends. */
const pool = `
import { ThreadPool } from './dist/runtime/cpu/threads.js';
import { printWasm } from './dist/compiler/wasm/print.js';
import * as ir from './dist/compiler/ir_build.js';

const workers = [];
globalThis.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    workers.push(this);
  }
};
const chunk = ir.local('chunk', ir.typeOf('i32'));
const x = { name: 'x', scalar: 'i32', place: { kind: 'argument', argument: 1 } };
const at = ir.index(0, [{ local: chunk, coefficient: 1 }]);
const add = [ir.store(x, at, ir.binary('add', ir.load(x, at), ir.i32Constant(1)))];
const outside = [ir.ifThen(ir.compare('eq', ir.get(chunk), ir.i32Constant(1)), [ir.store(x, at, ir.load(x, ir.index(2 ** 28)))])];

async function start(...bodies) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const pool = new ThreadPool(memory, 2);
  const kernels = bodies.map((body, i) => ({ name: 'k' + i, chunks: { variable: chunk, count: 2 }, body }));
  const load = (kernels) => {
    const module = new WebAssembly.Module(printWasm({ kernels }, { sharedMemory: true }));
    const { exports } = new WebAssembly.Instance(module, { env: { memory, wait: pool.wait } });
    return pool.add(module, exports, kernels.map(() => 2));
  };
  const run = load(kernels);
  new Uint32Array(memory.buffer, 16, 2).set([0, 2048]);
  const ready = await pool.untilReady();
  return { run: () => run(16), ready, values: new Int32Array(memory.buffer, 2048, 3), pool, load };
}
const errorOf = (run) => {
  try {
    run();
  } catch (error) {
    return error.message;
  }
  return null;
};

export default async function main() {
  const warnings = [];
  console.warn = (text) => warnings.push(text);
  const good = await start(add, add);
  const failures = [errorOf(() => { for (let i = 0; i < 500; i++) good.run(); })];
  // A program that comes while the worker sleeps, and is run at once.
  const [module] = [good.load([{ name: 'k', chunks: { variable: chunk, count: 2 }, body: add }])];
  module(16);
  const values = [...good.values];
  const bad = await start(add, outside);
  failures.push(errorOf(bad.run));
  const later = bad.load([{ name: 'k', chunks: { variable: chunk, count: 2 }, body: add }]);
  bad.values.fill(0);
  later(16);
  const dying = await start(add);
  workers.at(-1).terminate();
  // Browsers give a worker some seconds before they end it by force.
  let failure = null;
  for (let i = 0; i < 100 && failure === null; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    failure = errorOf(dying.run);
  }
  failures.push(failure);
  dying.values.fill(0);
  dying.run();
  return { isolated: crossOriginIsolated, ready: [good.ready, bad.ready, dying.ready], values, failures, after: [...bad.values, ...dying.values], warnings };
}
`;

interface Trained {
  readonly threads: number;
  readonly ready: boolean;
  readonly count: number;
  readonly hash: number;
  readonly falls: boolean;
}

/** What the training gives in Node. */
function inNode(threads: number): Trained {
  const file = join(built, 'train.mjs');
  const script = `import(${JSON.stringify(pathToFileURL(file).href)}).then(async (m) => console.log(JSON.stringify(await m.default())))`;
  const env = { ...process.env, NABLA_TIER: 'wasm', NABLA_THREADS: String(threads) };
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env });
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

describe('what browsers load', () => {
  /** The files that an entry of the package imports when it is loaded, and the names that are no files of the package. */
  function importsOf(entry: string): { files: Set<string>; others: Set<string> } {
    const [files, others] = [new Set<string>(), new Set<string>()];
    const visit = (file: string): void => {
      if (files.has(file)) return;
      files.add(file);
      const pattern = /^(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]/gm;
      for (const [, from, bare] of readFileSync(file, 'utf8').matchAll(pattern)) {
        const name = from ?? bare;
        if (name.startsWith('.')) visit(join(dirname(file), name));
        else others.add(name);
      }
    };
    visit(join(built, 'dist', entry));
    return { files, others };
  }

  it.each([
    'index.js',
    'nn/index.js',
    'optim/index.js',
    'train/index.js',
    'data/index.js',
    'metrics/index.js',
    'io/index.js',
  ])('%s imports files of the package only', (entry) => {
    const { files, others } = importsOf(entry);
    expect(files.size).toBeGreaterThan(3);
    expect([...others]).toEqual([]);
  });

  it('finds what the command line imports', () => {
    expect([...importsOf('cli/main.js').others]).toContain('commander');
  });
});

describe.skipIf(browser === null)(
  `in ${browser ?? 'a browser, of which there is none here'}`,
  { timeout: 90_000 },
  () => {
    const command = browser as string;
    const open = (isolated: boolean, module = './train.mjs', before = ''): Promise<Trained> =>
      inBrowser(command, built, { module, isolated, before });

    it('trains to the bits of Node: one thread where pages are not isolated', async () => {
      const [node, page] = [inNode(1), await open(false, './train.mjs', 'globalThis.NABLA_THREADS = 2;')];
      expect(page).toEqual(node);
      expect(page).toMatchObject({ threads: 1, ready: false, count: 61706, falls: true });
    });

    it('trains to the bits of Node: two threads where pages are isolated', async () => {
      const [node, page] = [inNode(2), await open(true, './train.mjs', 'globalThis.NABLA_THREADS = 2;')];
      expect(page).toEqual(node);
      expect(page).toMatchObject({ threads: 2, ready: true, falls: true });
      expect(page.hash).toBe(inNode(1).hash);
    });

    it('trains to the same bits inside of a worker, which has workers of its own', async () => {
      const module = './from_worker.mjs';
      writeFileSync(
        join(built, module),
        `export default () => new Promise((resolve, reject) => {
        const worker = new Worker('./worker.mjs', { type: 'module' });
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
      });`,
      );
      const page = await open(true, module);
      expect(page.threads).toBeGreaterThanOrEqual(1);
      expect(page.hash).toBe(inNode(1).hash);
    });

    it('bundled and minified, trains to the same bits', async () => {
      const { build } = await import('vite');
      await build({
        root: built,
        configFile: false,
        logLevel: 'error',
        build: {
          outDir: 'bundle',
          minify: true,
          lib: { entry: join(built, 'train.mjs'), formats: ['es'], fileName: () => 'train.js' },
        },
      });
      const page = await open(true, './bundle/train.js', 'globalThis.NABLA_THREADS = 2;');
      expect(page).toMatchObject({ threads: 2, ready: true, hash: inNode(1).hash });
    });

    it('serves the import map of the guide; what needs files says so', async () => {
      const guide = readFileSync(new URL('../../docs/guide.md', import.meta.url), 'utf8');
      const map = /<script type="importmap">([\s\S]*?)<\/script>/.exec(guide)?.[1] ?? '';
      expect(Object.keys(JSON.parse(map).imports)).toEqual(['nabla', 'nabla/nn', 'nabla/optim']);
      // The package lies at the root of this server; the guide's reader has it in node_modules.
      const imports = map.replaceAll('./node_modules/nabla/', '/');
      writeFileSync(
        join(built, 'named.mjs'),
        `import { tensor } from 'nabla';
       import { Linear } from 'nabla/nn';
       import { SGD } from 'nabla/optim';
       import { load } from './dist/io/index.js';
       import { mnist } from './dist/data/index.js';
       const messageOf = (promise) => promise.then(() => null, (error) => error.message);
       export default async () => ({
         text: String(tensor([1, 2, 3]).square()),
         kinds: [typeof Linear, typeof SGD],
         errors: [await messageOf(load(new Linear(2, 2), 'weights')), await messageOf(mnist({ dir: 'data' }))],
       });`,
      );
      expect(await inBrowser(command, built, { module: './named.mjs', isolated: false, imports })).toEqual({
        text: 'tensor([1, 4, 9])',
        kinds: ['function', 'function'],
        errors: [
          expect.stringMatching(/^load weights: there are no files here, .*decodeSafetensors/),
          expect.stringMatching(/^mnist: there are no files here, .*decodeIdx/),
        ],
      });
    });

    it('a chunk that traps and a worker that ends are errors, not hangs, and programs go on with one thread', async () => {
      const result = await inBrowser(command, built, { module: './pool.mjs', isolated: true });
      expect(result).toMatchObject({
        isolated: true,
        ready: [true, true, true],
        values: [1001, 1001, 0],
        failures: [
          null,
          expect.stringMatching(
            /failed while running on 2 threads: worker thread 1: RuntimeError: .*out of bounds/,
          ),
          expect.stringMatching(/failed while running on 2 threads: a worker thread has ended unexpectedly/),
        ],
        after: [1, 1, 0, 1, 1, 0],
      });
    });
  },
);
