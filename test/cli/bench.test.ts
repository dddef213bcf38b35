import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BenchFlags, benchCommand } from '../../src/cli/bench.ts';
import { Measurer } from '../../src/cli/bench_measure.ts';
import { digits3, disagreements, judge, report } from '../../src/cli/bench_report.ts';
import {
  type Entry,
  geometricMean,
  median,
  type Results,
  ResultTable,
  thisMachine,
} from '../../src/cli/bench_results.ts';
import {
  type ContenderSpec,
  multiplyAdds,
  readSuite,
  type Suite,
  type Workload,
} from '../../src/cli/bench_suite.ts';
import { freshFolder } from './tiny_mnist.ts';

/** The harness against runners that invent their times; no test asserts a time that was measured. */

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Answers from the environment: TIMES for `run`, in turn; MODE says what goes wrong. Requests are noted in the file LOG. */
const fakeRunner = `
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
const { ID, MODE = 'works', LOG, TIMES = '[1]', SIZE = '7', FOLDER } = process.env;
const say = (object) => console.log(JSON.stringify(object));
if (MODE === 'missing') { say({ missing: 'the library is not there' }); process.exit(0); }
console.log('hello from a library');
say({ ready: 'Fake 1.0' });
let runs = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  appendFileSync(LOG, ID + ' ' + request.do + ' ' + (FOLDER ?? '') + '\\n');
  if (MODE === 'hangs') continue;
  if (MODE === 'crashes' || (MODE === 'crashes later' && request.do === 'run' && runs++ === 1)) {
    console.error('some trace');
    console.error('out of luck');
    process.exit(3);
  }
  if (request.do === 'prepare') {
    if (MODE === 'refuses') say({ unsupported: 'no such model' });
    else if (MODE === 'fails') say({ error: 'wrong shape' });
    else say({ first: 5, size: SIZE });
  } else {
    // As slow as what it claims for the calibration.
    await new Promise((done) => setTimeout(done, 20));
    say({ times: JSON.parse(TIMES) });
  }
}
`;

interface Fake {
  readonly id: string;
  readonly mode?: string;
  readonly times?: readonly number[];
  readonly size?: string;
  readonly library?: string;
  readonly command?: readonly string[];
  readonly cache?: string;
}

const mlp = { type: 'mlp', sizes: [4, 60, 2] } as const;
const tiny: Workload = { name: 'tiny', kind: 'train', model: mlp, batch: 64 };
const product: Workload = { name: 'product', kind: 'matmul', size: 100 };

/** A bench folder whose contenders are fakes. */
function fakeBench(fakes: readonly Fake[], fresh = true) {
  const folder = join(freshFolder(), 'bench');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'fake.mjs'), fakeRunner);
  const log = join(folder, 'log');
  const contenders = fakes.map(
    ({ id, mode = 'works', times = [1], size = '7', library = id, command, cache }): ContenderSpec => ({
      id,
      library,
      label: `label of ${id}`,
      command: command ?? ['node', 'fake.mjs'],
      environment: { ID: id, MODE: mode, LOG: log, TIMES: JSON.stringify(times), SIZE: size },
      install: `install ${id}`,
      ...(cache === undefined ? {} : { cache }),
    }),
  );
  const ids = fakes.map(({ id }) => id);
  const suite: Suite = {
    contenders,
    groups: [{ id: 'all', fresh, contenders: ids, workloads: [tiny, product] }],
    tables: [
      {
        title: 'Times',
        text: 'What was measured.',
        quantity: 'time',
        workloads: ['tiny'],
        contenders: ids,
        ratios: [{ label: 'first / others', ours: ids.slice(0, 1), theirs: ids.slice(1) }],
      },
    ],
  };
  writeFileSync(join(folder, 'suite.json'), JSON.stringify(suite));
  const requests = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
  return { folder, suite, requests };
}

async function bench(folder: string, flags: BenchFlags) {
  let out = '';
  const stream = { write: (text: string) => (out += text) };
  const { signal } = new AbortController();
  await benchCommand(flags, { stdout: stream, stderr: stream, env: process.env, signal }, folder);
  return out;
}

const settings = (folder: string) => ({
  folder,
  env: process.env,
  rounds: 3,
  turn: 30,
  budget: 60,
  patience: 30,
  signal: new AbortController().signal,
});

async function measured(fakes: readonly Fake[], more: object = {}, fresh = true) {
  const { folder, suite, requests } = fakeBench(fakes, fresh);
  const measurer = new Measurer({ ...settings(folder), ...more });
  try {
    const entries = await measurer.measure(tiny, suite.groups[0], suite.contenders);
    return { entries, requests: requests(), missing: measurer.missing, libraries: measurer.libraries };
  } finally {
    await measurer.close();
  }
}

describe('measuring', () => {
  test('contenders take turns, after all of them are prepared', async () => {
    const { entries, requests, libraries } = await measured([{ id: 'a' }, { id: 'b' }]);
    const runs = requests.slice(-6).map((line) => line.trim());
    expect(runs).toEqual(['a run', 'b run', 'a run', 'b run', 'a run', 'b run']);
    expect(requests.filter((line) => line.includes('prepare'))).toHaveLength(2);
    expect(entries.map(({ contender, workload, first }) => [contender, workload, first])).toEqual([
      ['a', 'tiny', 5],
      ['b', 'tiny', 5],
    ]);
    expect(libraries).toEqual({ a: 'Fake 1.0', b: 'Fake 1.0' });
  });

  test('a turn is the median of its samples', async () => {
    const { entries } = await measured([{ id: 'a', times: [9, 2, 4] }]);
    expect(entries[0].turns).toEqual([4, 4, 4]);
  });

  test('the largest resident size where the system tells it', async () => {
    const { entries } = await measured([{ id: 'a' }]);
    if (process.platform === 'linux') expect(entries[0].peak).toBeGreaterThan(2 ** 20);
    else expect(entries[0].peak).toBeUndefined();
  });

  test('contenders with a cache run once with an empty one', async () => {
    const { entries, requests } = await measured([{ id: 'a', cache: 'FOLDER' }]);
    const folders = requests.map((line) => line.split(' ')[2]);
    expect(new Set(folders).size).toBe(1);
    expect(folders[0]).toMatch(/nabla-bench-/);
    expect(requests.filter((line) => line.includes('prepare'))).toHaveLength(2);
    expect(entries[0]).toMatchObject({ first: 5, cold: 5 });
    // The caches are gone when all is over.
    expect(existsSync(folders[0])).toBe(false);
  });

  test('processes of a shared group stay for the next workload', async () => {
    const { folder, suite, requests } = fakeBench([{ id: 'a' }], false);
    const measurer = new Measurer(settings(folder));
    try {
      for (const workload of [tiny, product]) {
        const [entry] = await measurer.measure(workload, suite.groups[0], suite.contenders);
        expect(entry.turns).toHaveLength(3);
        // Neither the first call nor the memory would be that of one workload.
        expect([entry.first, entry.peak]).toEqual([undefined, undefined]);
      }
      expect(requests().filter((line) => line.includes('prepare'))).toHaveLength(2);
    } finally {
      await measurer.close();
    }
  });

  test.each([
    ['crashes', 'ended with status 3: out of luck'],
    ['crashes later', 'ended with status 3: out of luck'],
    ['refuses', 'no such model'],
    ['fails', 'wrong shape'],
  ])('a contender that %s has a line, the others go on', async (mode, failure) => {
    const { entries } = await measured([{ id: 'a', mode }, { id: 'b' }], { turn: 20 });
    expect(entries.find(({ contender }) => contender === 'a')?.failure).toBe(failure);
    expect(entries.find(({ contender }) => contender === 'b')?.turns).toEqual([1, 1, 1]);
  });

  test('a contender that does not answer is ended', async () => {
    const { entries } = await measured([{ id: 'a', mode: 'hangs' }, { id: 'b' }], { patience: 2 });
    expect(entries[0].failure).toBe('did not answer in 2 s');
    expect(entries[1].turns).toHaveLength(3);
  });

  test('libraries and programs that are not there', async () => {
    const command = ['there-is-no-such-program'];
    const { entries, missing } = await measured([
      { id: 'a', mode: 'missing' },
      { id: 'b', command },
      { id: 'c' },
    ]);
    expect(entries.map(({ contender }) => contender)).toEqual(['c']);
    expect(missing.get('a')).toBe('the library is not there');
    expect(missing.get('b')).toMatch(/ENOENT/);
  });

  test('Ctrl-C', async () => {
    const signal = AbortSignal.abort();
    await expect(measured([{ id: 'a' }], { signal })).rejects.toThrow('interrupted');
  });

  test('Ctrl-C while a contender is waited for', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { folder, suite, requests } = fakeBench([{ id: 'a', mode: 'hangs' }, { id: 'b' }]);
    const measurer = new Measurer({ ...settings(folder), signal, patience: 1000 });
    const running = measurer.measure(tiny, suite.groups[0], suite.contenders);
    const waiting = setInterval(() => requests().length > 0 && controller.abort(), 10);
    await expect(running).rejects.toThrow('interrupted');
    clearInterval(waiting);
    await measurer.close();
    expect(requests()).toHaveLength(1);
  });
});

describe('nabla bench', () => {
  test('writes what it has measured, and names who is missing', async () => {
    const { folder } = fakeBench([
      { id: 'nabla', times: [2] },
      { id: 'peer', times: [4] },
      { id: 'gone', mode: 'missing' },
    ]);
    const [out, json] = [join(folder, 'out.md'), join(folder, 'results.json')];
    const said = await bench(folder, { rounds: 2, workloads: 'tiny', out, json });
    expect(said).toMatch(
      'label of gone is not there: the library is not there; install it with: install gone',
    );
    const lines = said.split('\n');
    expect(lines.findIndex((line) => /label of nabla +2.00 ms/.test(line))).toBeLessThan(
      lines.findIndex((line) => /label of peer +4.00 ms/.test(line)),
    );
    expect(readFileSync(out, 'utf8')).toMatch(/\| tiny +\| +2.00 \| +4.00 \| +0.500 \|/);

    // Further workloads are added to the results.
    await bench(folder, { rounds: 1, workloads: 'product', against: 'none', json });
    const results: Results = JSON.parse(readFileSync(json, 'utf8'));
    expect(results.entries.map(({ workload, contender }) => [workload, contender])).toEqual([
      ['tiny', 'nabla'],
      ['tiny', 'peer'],
      ['product', 'nabla'],
    ]);
    expect(results.machine).toEqual(thisMachine());

    // What is measured again has its contenders from one run.
    await bench(folder, { rounds: 1, workloads: 'tiny', against: 'none', json });
    const again: Results = JSON.parse(readFileSync(json, 'utf8'));
    expect(again.entries.map(({ workload, contender }) => [workload, contender])).toEqual([
      ['product', 'nabla'],
      ['tiny', 'nabla'],
    ]);
  });

  test('all workloads go to docs/performance.md', async () => {
    const { folder } = fakeBench([{ id: 'nabla' }]);
    mkdirSync(join(folder, '..', 'docs'));
    await bench(folder, { rounds: 1 });
    expect(readFileSync(join(folder, '..', 'docs', 'performance.md'), 'utf8')).toMatch('## Times');
  });

  test('tells when contenders do not compute the same', async () => {
    const { folder } = fakeBench([{ id: 'nabla' }, { id: 'peer', size: '8' }]);
    const said = await bench(folder, { rounds: 1, workloads: 'tiny' });
    expect(said).toMatch('sizes differ, not the same work: tiny: 7 (nabla) against 8 (peer)');
  });

  test('lists the workloads', async () => {
    expect(await bench(fakeBench([{ id: 'nabla' }]).folder, { list: true })).toBe('all: tiny, product\n');
  });

  test('refuses what it does not know', async () => {
    const { folder } = fakeBench([{ id: 'nabla' }, { id: 'peer' }]);
    const refused = (flags: BenchFlags) => expect(bench(folder, flags)).rejects;
    await refused({ workloads: 'big' }).toThrow("there is no workload or group 'big'; groups are all;");
    await refused({ against: 'pear' }).toThrow("there is no peer 'pear'; peers are peer, or none");
    const json = join(folder, 'other.json');
    writeFileSync(json, JSON.stringify({ machine: { processor: 'another' }, libraries: {}, entries: [] }));
    await refused({ json }).toThrow('results of another machine');
    writeFileSync(json, '{"entries": 3');
    await refused({ json }).toThrow('does not hold results');
    await expect(bench(join(folder, 'nowhere'), {})).rejects.toThrow(
      'needs the bench/ folder of the repository',
    );
  });
});

describe('results', () => {
  const entry = (contender: string, turns: number[], more: Partial<Entry> = {}): Entry => ({
    workload: 'tiny',
    contender,
    turns,
    ...more,
  });

  test('medians and means', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(geometricMean([1, 4])).toBeCloseTo(2, 12);
  });

  test('ratios are those of the turns of a round, between the best settings of both', () => {
    const entries = [
      entry('a1', [10, 10, 10]),
      entry('a2', [1, 4, 2]),
      entry('b1', [2, 8, 8, 9]),
      entry('b2', [90, 90, 90]),
    ];
    const table = new ResultTable(entries, [tiny]);
    expect(table.best('tiny', ['a1', 'a2'], 'time')).toBe('a2');
    expect(table.ratio('time', ['tiny', ['a1', 'a2']], ['tiny', ['b1', 'b2']])).toBe(0.5);
    expect(table.ratio('time', ['tiny', ['a1']], ['tiny', ['nobody']])).toBeNull();
    const rates = new ResultTable(
      [
        { workload: 'product', contender: 'a', turns: [1, 9, 2] },
        { workload: 'product', contender: 'b', turns: [2, 9, 8] },
      ],
      [product],
    );
    expect(rates.ratio('rate', ['product', ['a']], ['product', ['b']])).toBe(2);
  });

  test('rates and costs follow from the multiply-adds', () => {
    const table = new ResultTable([{ workload: 'product', contender: 'a', turns: [0.5] }], [product]);
    expect(table.value('product', 'a', 'rate')).toBeCloseTo(4, 12);
    expect(table.value('product', 'a', 'cost')).toBeCloseTo(0.5, 12);
    expect(multiplyAdds(tiny)).toBe(64 * (2 * 4 * 60 + 3 * 60 * 2));
    const conv = { name: 'c', kind: 'conv', pass: 'data', batch: 2, size: 8, in: 4, out: 6 } as const;
    expect(multiplyAdds({ ...conv, kernel: 3, stride: 2, padding: 1, groups: 2 })).toBe(
      2 * 4 * 4 * 6 * 9 * 2,
    );
    const gpt = { type: 'gpt', vocabulary: 5, layers: 1, width: 2, heads: 1, context: 3 } as const;
    expect(multiplyAdds({ name: 'g', kind: 'infer', model: gpt, batch: 1 })).toBe(
      3 * (12 * 4 + 2 * 3 * 2 + 2 * 5),
    );
  });

  test('targets', () => {
    const other: Workload = { ...tiny, name: 'other' };
    const table = new ResultTable(
      [
        entry('a', [1]),
        entry('b', [2]),
        { workload: 'other', contender: 'a', turns: [8] },
        { workload: 'other', contender: 'b', turns: [4] },
      ],
      [tiny, other],
    );
    const target = {
      text: '',
      quantity: 'time',
      ours: ['a'],
      theirs: ['b'],
      workloads: ['tiny', 'other'],
    } as const;
    expect(judge({ ...target, bound: 2 }, table)).toEqual({
      measured: 2,
      reached: 'reached',
      at: 'other',
      absent: 0,
    });
    expect(judge({ ...target, bound: 1.9 }, table)).toMatchObject({ reached: 'not reached' });
    expect(judge({ ...target, over: 'mean', bound: 1 }, table)).toMatchObject({
      reached: 'reached',
      at: null,
    });
    expect(judge({ ...target, workloads: ['tiny', 'unmeasured'], bound: 2 }, table)).toMatchObject({
      reached: 'open',
      absent: 1,
    });
    expect(judge({ ...target, workloads: ['other', 'unmeasured'], bound: 1 }, table)).toMatchObject({
      reached: 'not reached',
    });
    expect(judge({ ...target, workloads: ['unmeasured'], bound: 2 }, table)).toBeNull();
    const alone = { text: '', ours: ['a', 'b'], bound: 1 } as const;
    expect(judge({ ...alone, quantity: 'time', workloads: ['tiny'] }, table)).toMatchObject({ measured: 1 });
    // The same contender on two workloads.
    const pair = { ...alone, ours: ['a'], quantity: 'cost', workloads: [['other', 'tiny']] } as const;
    expect(judge(pair, table)).toMatchObject({ measured: 8, reached: 'not reached', at: 'other' });
    // Of rates, the least counts.
    const rates = judge({ ...alone, ours: ['a'], quantity: 'rate', workloads: ['tiny', 'other'] }, table);
    expect(rates?.at).toBe('other');
  });

  test('sizes that differ', () => {
    expect(disagreements([entry('a', [], { size: '1' }), entry('b', [], { size: '1' })])).toEqual([]);
    expect(disagreements([entry('a', [], { size: '1' }), entry('b', [], { size: '2' })])).toHaveLength(1);
  });

  test('numbers', () => {
    expect([0.00123456, 0.5, 12.345, 1234.5, 1234567, 0, Number.NaN].map(digits3)).toEqual([
      '0.00123',
      '0.500',
      '12.3',
      '1,235',
      '1,234,567',
      '0',
      'NaN',
    ]);
  });
});

describe('the report', () => {
  const suite: Suite = {
    contenders: ['a', 'b'].map((id) => ({ id, library: id, label: id.toUpperCase(), command: [] })),
    groups: [{ id: 'all', fresh: true, contenders: ['a', 'b'], workloads: [tiny, product] }],
    tables: [
      {
        title: 'Times',
        text: 'Of steps.',
        quantity: 'time',
        workloads: ['tiny', 'product'],
        contenders: ['a', 'b'],
        ratios: [{ label: 'A / B', ours: ['a'], theirs: ['b'] }],
        targets: [
          { text: 'near', quantity: 'time', ours: ['a'], theirs: ['b'], workloads: ['tiny'], bound: 0.6 },
          { text: 'far', quantity: 'peak', ours: ['a'], workloads: ['tiny'], bound: 2 ** 20 },
        ],
      },
      { title: 'Nothing', text: 'Yet.', quantity: 'rate', workloads: ['product'], contenders: ['b'] },
    ],
  };
  const results: Results = {
    machine: { processor: 'P', threads: 2, memory: '4 GiB', architecture: 'x64', node: 'v20' },
    libraries: { a: 'A 1', b: 'B 2' },
    entries: [
      { workload: 'tiny', contender: 'a', turns: [1, 1], peak: 3 * 2 ** 20 },
      { workload: 'tiny', contender: 'b', turns: [2, 2] },
      { workload: 'product', contender: 'a', turns: [], failure: 'broken' },
    ],
  };

  test('has the tables, the targets and what failed', () => {
    const text = report(suite, results, '');
    expect(text).toContain('P, 2 threads, 4 GiB, x64; A 1; B 2; Node v20.');
    expect(text).toContain('| ms      |    A |    B | A / B |');
    expect(text).toContain('| tiny    | 1.00 | 2.00 | 0.500 |');
    expect(text).toContain('| product |    · |    · |     · |');
    expect(text).toContain('- product: A: broken');
    expect(text).toMatch(/\| near +\| +at most 0.600 \| +0.500 \| +reached \|/);
    expect(text).toMatch(/\| far +\| +at most 1.00 MiB \| +3.00 MiB \| +\*\*not reached\*\* \|/);
    expect(text).toMatch(/## Nothing\n\nYet\.\n\nNot measured yet\./);
  });

  test('keeps the notes of the older one', () => {
    const first = report(suite, results, '');
    const edited = first.replace(/(<!-- notes.*-->)/, '$1\n\nThe second thread was busy.');
    const second = report(suite, results, edited);
    expect(second).toContain('The second thread was busy.');
    expect(report(suite, results, second)).toBe(second);
    expect(report(suite, results, 'something else')).toBe(first);
  });
});

describe('bench/suite.json', () => {
  const suite = readSuite(join(root, 'bench'));

  test('has the work for every rate and cost', () => {
    const workloads = new Map(suite.groups.flatMap((group) => group.workloads.map((w) => [w.name, w])));
    for (const { quantity, workloads: names, targets = [] } of suite.tables) {
      const asked = [
        { quantity, names },
        ...targets.map((t) => ({ quantity: t.quantity, names: t.workloads.flat() })),
      ];
      for (const { quantity, names } of asked)
        if (quantity === 'rate' || quantity === 'cost')
          for (const name of names) expect(multiplyAdds(workloads.get(name)!), name).toBeGreaterThan(0);
    }
  });

  test('names programs that exist', () => {
    for (const { command } of suite.contenders)
      expect(existsSync(join(root, 'bench', command[1])), command[1]).toBe(true);
  });

  test('is refused with names that are not there', () => {
    const { folder, suite: fake } = fakeBench([{ id: 'a' }]);
    const broken = (change: object) => {
      writeFileSync(join(folder, 'suite.json'), JSON.stringify({ ...fake, ...change }));
      return expect(() => readSuite(folder));
    };
    broken({ contenders: [] }).toThrow("there is no contender 'a'");
    broken({ tables: [{ ...fake.tables[0], workloads: ['big'] }] }).toThrow("there is no workload 'big'");
    broken({ contenders: [...fake.contenders, ...fake.contenders] }).toThrow("'a' is there twice");
  });
});

describe('the built command', () => {
  let built = '';
  beforeAll(() => {
    // Inside of node_modules, so that the built files find the packages that they need.
    const cache = join(root, 'node_modules', '.cache');
    mkdirSync(cache, { recursive: true });
    built = mkdtempSync(join(cache, 'nabla-bench-'));
    for (const name of ['package.json', 'bench/suite.json', 'bench/models.mjs', 'bench/runners'])
      cpSync(join(root, name), join(built, name), { recursive: true });
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const config = join(root, 'tsconfig.build.json');
    spawnSync(process.execPath, [compiler, '-p', config, '--outDir', join(built, 'dist')]);
  });
  afterAll(() => rmSync(built, { recursive: true, force: true }));

  test('times nabla itself', () => {
    const args = ['bench', '--workloads', 'mlp-4-60-2,policy-fresh', '--against', 'none', '--rounds', '1'];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(built, 'dist', 'cli', 'main.js'), ...args, '--json', 'results.json'],
      { cwd: built, encoding: 'utf8' },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/nabla wasm, 1 +[\d.]+ ms +first [\d.,]+ ms/);
    const { entries }: Results = JSON.parse(readFileSync(join(built, 'results.json'), 'utf8'));
    for (const workload of ['mlp-4-60-2', 'policy-fresh']) {
      const mine = entries.filter((entry) => entry.workload === workload);
      expect(mine.map(({ failure }) => failure)).toEqual(mine.map(() => undefined));
      expect(mine.map(({ contender }) => contender)).toEqual(
        expect.arrayContaining(['nabla-wasm-1', 'nabla-wasm-2']),
      );
      expect(new Set(mine.map(({ size }) => size))).toEqual(new Set([String(4 * 60 + 60 + 60 * 2 + 2)]));
    }
  });
});
