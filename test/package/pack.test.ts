import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { programOf, promisedOutput } from './documents.ts';

/**
 * The package as its users get it: packed, installed without a network into a project of its own, used from JavaScript and from
 * TypeScript. The programs in README.md and docs/guide.md run there too.
 */

const root = fileURLToPath(new URL('../..', import.meta.url));
const place = realpathSync(mkdtempSync(join(tmpdir(), 'nabla-pack-')));
const project = join(place, 'project');
const installed = join(project, 'node_modules', 'nabla');
const read = (name: string) => readFileSync(join(root, name), 'utf8');

const subpaths = [
  'nabla',
  'nabla/nn',
  'nabla/optim',
  'nabla/train',
  'nabla/data',
  'nabla/metrics',
  'nabla/io',
  'nabla/keras',
];

/** The central example of the interface, as it was designed before there was an implementation. */
const lenet5 = `
import { jit, random, type Tensor, valueAndGrad } from 'nabla';
import * as nn from 'nabla/nn';
import * as optim from 'nabla/optim';

class LeNet5 extends nn.Module {
  conv1 = new nn.Conv2d(1, 6, 5, { padding: 2 });
  conv2 = new nn.Conv2d(6, 16, 5);
  fc1 = new nn.Linear(400, 120); fc2 = new nn.Linear(120, 84); fc3 = new nn.Linear(84, 10);
  forward(x: Tensor) {
    x = nn.maxPool2d(this.conv1.forward(x).relu(), 2);
    x = nn.maxPool2d(this.conv2.forward(x).relu(), 2).flatten(1);
    return this.fc3.forward(this.fc2.forward(this.fc1.forward(x).relu()).relu());
  }
}
const model = new LeNet5();                    // or new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), ...)
const optimizer = new optim.Adam(model, { lr: 1e-3 });
const step = jit((x: Tensor, y: Tensor) => {
  const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
  optimizer.update(grads);
  return loss;
});
const sd = model.stateDict();
model.train(); model.eval(); model.parameters(); model.stateDict(); model.loadStateDict(sd); model.freeze();
console.log(nn.summary(model, [1, 28, 28, 1]));   // layer, output shape, parameters, FLOPs

model.unfreeze();
const x = random.uniform([4, 28, 28, 1]);
const y = random.randint([4], 0, 10);
const losses = [0, 1, 2, 3, 4].map(() => step(x, y).item());
console.log(losses[4] < losses[0]);
`;

/** The second one: training with everything that belongs to it. */
const training = `
import type { Layer } from 'nabla/nn';
import type { Optimizer } from 'nabla/optim';
import * as nn from 'nabla/nn';
import { loader, mnist } from 'nabla/data';
import { load, save } from 'nabla/io';
import { accuracy } from 'nabla/metrics';
import { checkpoints, earlyStopping, fit, progress, tensorBoard } from 'nabla/train';

export async function run(model: Layer, optimizer: Optimizer): Promise<number> {
  const { train, test } = await mnist({ dir: process.env.NABLA_DATA });   // or digits(): generated, no files needed
  const history = await fit(model, {
    data: loader(train, { batchSize: 128, shuffle: true }), validation: loader(test, { batchSize: 512 }),
    loss: nn.crossEntropy, optimizer, epochs: 3, metrics: { accuracy },
    callbacks: [progress(), tensorBoard('runs/lenet5'), earlyStopping({ patience: 3 }), checkpoints('runs/lenet5')],
  });
  await save(model, 'lenet5.safetensors'); await load(model, 'lenet5.safetensors');
  return history.steps;
}
`;

const javascript = `
${subpaths.map((path, i) => `import * as part${i} from '${path}';`).join('\n')}
const [{ jit, valueAndGrad }, nn, optim, train, data, metrics, io] = [${subpaths.map((_, i) => `part${i}`).join(', ')}];
const { train: digits } = data.digits({ train: 64, test: 1, seed: 3 });
const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
const history = await train.fit(model, {
  data: data.loader(digits, { batchSize: 16 }),
  loss: nn.crossEntropy,
  optimizer: new optim.SGD(model, { lr: 0.1 }),
  epochs: 5,
  metrics: { accuracy: metrics.accuracy },
});
const [first, last] = [history.epochs[0].loss, history.epochs[4].loss];
await io.save(model, 'model.safetensors');
const again = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
await io.load(again, 'model.safetensors');
const [x, y] = [...data.loader(digits, { batchSize: 64 })][0];
const [loss] = valueAndGrad(() => nn.crossEntropy(again.forward(x), y), again);
const [one, other] = [model, again].map((m) => Object.values(m.stateDict()));
const same = one.every((weights, i) => weights.eq(other[i]).all().item() === 1);
const close = jit((x) => model.forward(x))(x).sub(again.forward(x)).abs().max().item() < 1e-4;
console.log(JSON.stringify({ steps: history.steps, falls: last < first, learnt: loss.item() < first, same, close }));
`;

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    // npm is a script there, which only a shell can start.
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}
const node = (args: readonly string[], cwd = project) => run(process.execPath, args, cwd);

/** Copies packages and all that they need, so that npm finds them in place and asks no registry. */
function copyPackages(names: readonly string[], done = new Set<string>()): void {
  for (const name of names) {
    if (done.has(name)) continue;
    done.add(name);
    const from = join(root, 'node_modules', name);
    cpSync(from, join(project, 'node_modules', name), { recursive: true });
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
    copyPackages(Object.keys(dependencies), done);
  }
}

beforeAll(() => {
  // Packing builds; in a copy, so that whoever uses the checkout's dist/ meanwhile is not disturbed.
  const stage = join(place, 'stage');
  const files = [
    'src',
    'scripts',
    'package.json',
    'README.md',
    'LICENSE',
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  for (const name of files) cpSync(join(root, name), join(stage, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(stage, 'node_modules'), 'junction');
  run('npm', ['pack', '--pack-destination', '..'], stage);

  mkdirSync(join(project, 'node_modules'), { recursive: true });
  const { version, dependencies } = JSON.parse(read('package.json'));
  const types = ['@types/node'];
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      name: 'user',
      version: '1.0.0',
      type: 'module',
      devDependencies: { '@types/node': '*' },
    }),
  );
  copyPackages([...Object.keys(dependencies), ...types]);
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', `../nabla-${version}.tgz`], project);
}, 120_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

describe('the package', () => {
  const names = () => readdirSync(installed, { recursive: true, encoding: 'utf8', withFileTypes: true });

  test('holds the build, README, LICENSE and package.json', () => {
    expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    const endings = names().flatMap((entry) =>
      entry.isFile() && entry.parentPath.includes('dist') ? [entry.name.replace(/^.*?(\.d)?\./, '$1.')] : [],
    );
    expect(new Set(endings)).toEqual(new Set(['.js', '.d.ts']));
  });

  test('has every module with its types', () => {
    for (const { types, default: code } of Object.values<{ types: string; default: string }>(
      JSON.parse(read('package.json')).exports,
    ).filter((entry) => typeof entry === 'object')) {
      expect(existsSync(join(installed, types)), types).toBe(true);
      expect(existsSync(join(installed, code)), code).toBe(true);
    }
  });

  test('names no place of the machine that it was built on', () => {
    const places = [root, place, tmpdir(), process.env.HOME, process.env.NABLA_DATA].filter(
      (path) => path !== undefined && path.length > 1,
    ) as string[];
    for (const entry of names().filter((found) => found.isFile())) {
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
      for (const path of places) expect(text.includes(path), `${entry.name} names ${path}`).toBe(false);
    }
  });

  test('brings the command nabla', () => {
    expect(readFileSync(join(installed, 'dist', 'cli', 'main.js'), 'utf8')).toMatch(
      /^#!\/usr\/bin\/env node\n/,
    );
    const { version } = JSON.parse(read('package.json'));
    const command = join(project, 'node_modules', '.bin', 'nabla');
    if (process.platform === 'win32') expect(existsSync(`${command}.cmd`)).toBe(true);
    else {
      expect(run(command, ['--version'], project).trim()).toBe(version);
      expect(run(command, ['list'], project)).toMatch(/^lenet5 /m);
    }
  });
});

test('a JavaScript project imports every part, trains, saves and loads', () => {
  writeFileSync(join(project, 'main.js'), javascript);
  expect(JSON.parse(node(['main.js']))).toEqual({
    steps: 20,
    falls: true,
    learnt: true,
    same: true,
    close: true,
  });
});

describe('a TypeScript project', () => {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const sources = () => ({
    'imports.ts': subpaths.map((path, i) => `export * as part${i} from '${path}';`).join('\n'),
    'lenet5.ts': lenet5,
    'training.ts': training,
    'readme.ts': programOf(read('README.md')),
    'guide.ts': programOf(read('docs/guide.md')),
  });

  beforeAll(() => {
    mkdirSync(join(project, 'src'));
    for (const [name, text] of Object.entries(sources())) writeFileSync(join(project, 'src', name), text);
  });

  /** Type checks all sources, library files included, and builds them if there is an `outDir`. */
  function compile(name: string, options: Record<string, unknown>, include = ['src']): void {
    const compilerOptions = { target: 'es2022', strict: true, types: ['node'], rootDir: 'src', ...options };
    writeFileSync(join(project, `${name}.json`), JSON.stringify({ compilerOptions, include }));
    node([compiler, '-p', `${name}.json`]);
  }

  test('checks with moduleResolution bundler', () => {
    compile('bundler', { module: 'esnext', moduleResolution: 'bundler', noEmit: true });
  });

  test('checks without the types of Node, for browsers', () => {
    compile('plain', { module: 'nodenext', types: [], noEmit: true }, ['src/imports.ts']);
  });

  test('refuses what the types forbid', () => {
    writeFileSync(
      join(project, 'wrong.ts'),
      "import { tensor } from 'nabla';\nexport const a: string = tensor(1).sum();\n",
    );
    const check = () =>
      node([compiler, '--noEmit', '--strict', '--module', 'nodenext', '--types', 'node', 'wrong.ts']);
    expect(check).toThrow(/wrong\.ts.*Tensor.*is not assignable to type 'string'/s);
  });

  describe('with module nodenext', () => {
    beforeAll(() => compile('nodenext', { module: 'nodenext', outDir: 'out' }));

    test('trains the example of the interface', () => {
      const output = node(['out/lenet5.js']);
      expect(output).toContain('61,706');
      expect(output.trimEnd().split('\n').at(-1)).toBe('true');
    });

    test.each(['readme', 'guide'] as const)('%s: its programs print what they promise', (name) => {
      const promised = promisedOutput(sources()[`${name}.ts`]);
      expect(promised.length).toBeGreaterThan(0);
      expect(
        node([`out/${name}.js`])
          .trimEnd()
          .split('\n'),
      ).toEqual(promised);
    });
  });
});
