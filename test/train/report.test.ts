import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Dataset, loader } from '../../src/data/index.ts';
import { random, tensor, zeros } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { histogramOf } from '../../src/train/histogram_buckets.ts';
import {
  type Callback,
  type Classified,
  checkpoints,
  classReport,
  fit,
  type ReportOptions,
  report,
  smooth,
} from '../../src/train/index.ts';
import { linearTicks, lineChart, logTicks } from '../../src/train/report_charts.ts';
import { classSections } from '../../src/train/report_classes.ts';
import { gitCommit } from '../../src/train/report_environment.ts';
import { HistogramSeries, ridges } from '../../src/train/report_histograms.ts';
import { escapeHtml, formatNumber, html } from '../../src/train/report_html.ts';
import { labelSection, regressionSection } from '../../src/train/report_numbers.ts';
import { type ReportData, reportPage } from '../../src/train/report_page.ts';
import { StepSeries } from '../../src/train/report_series.ts';
import { toyImages, toyModel } from './toy.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-report-'));
  path = join(folder, 'report.html');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Elements that have no end. */
const empty = new Set(['meta', 'img', 'input', 'br']);

/** The elements of a page, each with its attributes; fails where one is not closed or closed wrongly. */
function elementsOf(page: string): { name: string; attributes: Record<string, string> }[] {
  const elements: { name: string; attributes: Record<string, string> }[] = [];
  const open: string[] = [];
  const text = page
    .replace(/<!DOCTYPE html>/, '')
    .replace(/(<(style|script)[^>]*>)[\s\S]*?(<\/\2>)/g, '$1$3');
  const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9-]*(?:="[^"<>]*")?)*)\s*(\/?)>/gy;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    tag.lastIndex = at;
    const match = tag.exec(text);
    if (match === null) throw new Error(`no tag: ${text.slice(at, at + 80)}`);
    const [whole, end, name, attributes, closed] = match;
    at += whole.length;
    if (end) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing: ${text.slice(at - 120, at)}`);
      continue;
    }
    if (!closed && !empty.has(name)) open.push(name);
    const pairs = [...attributes.matchAll(/([a-zA-Z][a-zA-Z0-9-]*)(?:="([^"]*)")?/g)];
    elements.push({
      name,
      attributes: Object.fromEntries(pairs.map(([, key, value]) => [key, value ?? ''])),
    });
  }
  expect(open).toEqual([]);
  return elements;
}

/** Checks that a page is well formed and asks for nothing from elsewhere. */
function expectSelfContained(page: string): void {
  const text = page.replace(/data:image\/png;base64,[A-Za-z0-9+/=]+/g, '');
  expect(/.{0,40}(https?:|\/\/[a-z]|@import|url\(|javascript:).{0,40}/i.exec(text)).toBeNull();
  for (const { name, attributes } of elementsOf(page)) {
    expect(['link', 'iframe', 'object', 'embed', 'base', 'form', 'use']).not.toContain(name);
    if (name === 'script') expect(attributes.type).toBe('application/json');
    for (const [key, value] of Object.entries(attributes)) {
      expect(key).not.toMatch(/^on/);
      if (key === 'src') expect(value).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/);
      if (key === 'href') expect(value).toMatch(/^#[a-z]+$/);
      if (key === 'class') expect(value).not.toBe('');
    }
    if (name === 'img') expect(attributes.alt).not.toBe('');
  }
  expect(page).toContain(`<meta http-equiv="Content-Security-Policy" content="default-src 'none';`);
}

const train = async (
  options: ReportOptions,
  { epochs = 2, callbacks = [] as Callback[], data = toyImages(20) as Dataset } = {},
) => {
  const model = toyModel();
  const page = report(path, options);
  const training = fit(model, {
    data: loader(data, { batchSize: 8, shuffle: true }),
    validation: loader(toyImages(10), { batchSize: 10 }),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: 0.02 }),
    epochs,
    metrics: { accuracy },
    callbacks: [page, ...callbacks],
  });
  return { page, training, model };
};
const read = () => readFileSync(path, 'utf8');
const curvesOf = (page: string) => /<section id="curves">[\s\S]*?<\/section>/.exec(page)?.[0];

describe('report', () => {
  test('is written at the beginning, after each epoch and at the end; needs nothing from elsewhere', async () => {
    const states: string[] = [];
    const watch: Callback = {
      onBegin: () => void states.push(read()),
      onEpochEnd: () => void states.push(read()),
    };
    const options: ReportOptions = {
      title: 'toy',
      eager: true,
      settings: { lr: 0.02, data: null },
      environment: { nabla: '1.2.3' },
      sample: zeros([3, 2, 2, 1]),
      test: toyImages(10),
      classNames: ['dark', 'bright'],
    };
    await (await train(options, { callbacks: [watch] })).training;
    const whole = read();
    for (const page of [...states, whole]) expectSelfContained(page);
    expect(states.map((page) => /class="state (\w+)"/.exec(page)?.[1])).toEqual([
      'running',
      'running',
      'running',
    ]);
    expect(states.map((page) => /<b>(\d of \d)<\/b>/.exec(page)?.[1])).toEqual([
      '0 of 2',
      '1 of 2',
      '2 of 2',
    ]);
    expect(whole).toContain('<span class="state complete">complete</span>');
    expect(whole).not.toContain('http-equiv="refresh"');
    expect(states[0]).toContain('http-equiv="refresh"');
    for (const text of [
      '>dark</th>',
      '>1.2.3</dd>',
      '>0.02</dd>',
      'Confusion matrix',
      '>Linear</td>',
      'learning rate',
    ])
      expect(whole).toContain(text);
    expect(whole).toContain('aria-label="4.weight over 3 epochs');
    expect(whole).toContain('aria-label="outputs over 3 epochs');
    expect(whole.length).toBeLessThan(1e6);
    expect(readdirSync(folder)).toEqual(['report.html']);
  });

  test('a resumed run goes on with its curves', async () => {
    const place = join(folder, 'checkpoints');
    await (await train({}, { epochs: 3 })).training;
    const undisturbed = curvesOf(read());
    rmSync(path);
    const killer: Callback = {
      onStep: (run) => {
        if (run.step === 8) throw new Error('killed <b>');
      },
    };
    const first = await train({}, { epochs: 3, callbacks: [checkpoints(place), killer] });
    await expect(first.training).rejects.toThrow('killed');
    expect(read()).toContain('<span class="state failed">failed</span>');
    expect(read()).toContain('<p class="message">killed &lt;b&gt;</p>');
    await (await train({}, { epochs: 3, callbacks: [checkpoints(place, { resume: true })] })).training;
    expect(curvesOf(read())).toBe(undisturbed);
    expect(read()).toContain('state complete');
    expect(read()).not.toContain('class="message"');
  });

  test('without its page, or with a damaged one, a resumed run still has one', async () => {
    const place = join(folder, 'checkpoints');
    await (await train({}, { callbacks: [checkpoints(place)] })).training;
    for (const damaged of ['', read().replace('"format"', '"fo')]) {
      writeFileSync(path, damaged);
      await (await train({}, { epochs: 3, callbacks: [checkpoints(place, { resume: true })] })).training;
      expectSelfContained(read());
      expect(read()).toContain('<b>3 of 3</b>');
    }
  });

  test('says that it cannot be written, before the training starts', async () => {
    writeFileSync(join(folder, 'file'), '');
    path = join(folder, 'file', 'report.html');
    await expect((await train({})).training).rejects.toThrow(/cannot write .*: a part of the path is a file/);
    expect(() => report(path, { titel: 'x' } as never)).toThrow("unknown option 'titel'");
  });

  test('what users name cannot become markup', async () => {
    const hostile = [`<img src=x onerror="alert(1)">`, `"><script>alert('2')</script>&amp;\u0000\u001b`];
    const logs = { '</svg><script>': 1 };
    const nasty: Callback = {
      onBegin: (run) => {
        run.history.push({ ...logs, 'a"b<c>': 2 });
      },
    };
    const options = {
      title: '</title><script>alert(3)</script>',
      subtitle: '</p><b onclick=x>',
      settings: { [hostile[0]]: hostile[1] },
      environment: { [hostile[1]]: hostile[0] },
      test: { ...toyImages(8), name: '<i>data' },
      classNames: hostile,
    };
    await (await train(options, { callbacks: [nasty] })).training;
    const page = read();
    expectSelfContained(page);
    expect(page).not.toContain('<img src=x');
    for (const raw of ['<script>', '<b onclick', '<i>data', '\u0000', '\u001b'])
      expect(page).not.toContain(raw);
    expect(page).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;');
    expect(page).toContain('<title>&lt;/title&gt;&lt;script&gt;alert(3)&lt;/script&gt;</title>');
    // Data for resuming, too, ends where it should.
    expect(page.match(/<\/script>/g)).toHaveLength(1);
  });

  test('stays small with many classes, parameters and epochs', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `class ${i}`);
    const random_ = (i: number) => (i * 7919) % 200;
    const classified: Classified = {
      labels: Array.from({ length: 5000 }, (_, i) => i % 200),
      predictions: Array.from({ length: 5000 }, (_, i) => (i % 3 ? i % 200 : random_(i))),
      losses: Array.from({ length: 5000 }, (_, i) => (i % 97) / 10),
    };
    const picture = {
      shape: [300, 200, 3] as const,
      data: new Uint8Array(300 * 200 * 3).map((_, i) => (i * i) % 251),
    };
    const steps = new StepSeries();
    for (let step = 1; step <= 60_000; step++)
      steps.add(step, { loss: 1 / step + (step % 7) / 100, accuracy: 1 - 1 / step, learningRate: 1e-3 });
    const kept = new HistogramSeries();
    const histogram = histogramOf(Array.from({ length: 1000 }, (_, i) => Math.sin(i)));
    for (let epoch = 0; epoch <= 500; epoch++)
      if (kept.wants(epoch))
        kept.add(epoch, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`p${i}`, histogram])));
    const history = Array.from({ length: 500 }, (_, i) => ({
      loss: 1 / (i + 1),
      validationLoss: 1 / (i + 2),
    }));
    const data: ReportData = {
      title: 'large',
      subtitle: '',
      state: 'complete',
      message: null,
      epochs: 500,
      history,
      ends: history.map((_, i) => 120 * (i + 1)),
      steps,
      time: { seconds: 3600, examples: 1e7 },
      settings: {},
      environment: {},
      summary: null,
      histograms: kept.series,
      results: classReport(classified, { data: 'test', classes: 200, names, pictureOf: () => picture }),
    };
    const page = reportPage(data);
    expectSelfContained(page);
    expect(page.length).toBeLessThan(1e6);
    expect(page).not.toContain('Confusion matrix');
    expect(page).toContain('Most frequent confusions');
  });
});

describe('its parts', () => {
  test('templates escape what is not HTML', () => {
    const inner = html`<b>${'<'}</b>`;
    expect(html`<p title="${`"'&`}">${inner}${[1, null, false, 'x']}</p>`.text).toBe(
      '<p title="&quot;&#39;&amp;"><b>&lt;</b>1x</p>',
    );
    expect(escapeHtml('a\u0007\tb')).toBe('a\ufffd\tb');
  });

  test('numbers for people', () => {
    expect([1234567, 0.123456, 0.0000123, -5, 1e12, Number.NaN, 0, 99.996].map(formatNumber)).toEqual([
      ...['1,234,567', '0.1235', '1.23e-5', '-5', '1.00e+12', 'NaN', '0', '100'],
    ]);
  });

  test('ticks are round', () => {
    expect(linearTicks(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks(-3, 17)).toEqual([0, 5, 10, 15]);
    expect(linearTicks(0.1, 0.3)).toEqual([0.1, 0.15, 0.2, 0.25, 0.3]);
    expect(logTicks(0.01, 1)).toEqual([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]);
    expect(logTicks(1e-8, 1e4)).toEqual([1e-8, 1e-6, 1e-4, 1e-2, 1, 100, 1e4]);
  });

  test('a chart has the smoothed curve where it belongs', () => {
    const y = [4, 0, 2, 1, 3];
    const x = [1, 2, 3, 4, 5];
    const { text } = lineChart({
      title: 'loss',
      xName: 'step',
      lines: [{ name: 'training', x, y, color: 1, isNoisy: true }],
    });
    const points = (name: string): number[][] =>
      (new RegExp(`class="line ${name} c1" points="([^"]*)"`).exec(text)?.[1] ?? '')
        .split(' ')
        .map((pair) => pair.split(',').map(Number));
    const [raw, smoothed] = [points('raw'), points('smooth smooth1')];
    // The axis is linear: two raw points fix it.
    const slope = (raw[0][1] - raw[1][1]) / (y[0] - y[1]);
    smooth(y, 0.6).forEach((value, i) => {
      expect(smoothed[i][1]).toBeCloseTo(raw[1][1] + slope * (value - y[1]), 0);
      expect(smoothed[i][0]).toBe(raw[i][0]);
    });
    expect(text).toContain('aria-label="loss by step: training from 4 to 3"');
    expect(text).toContain('step 3: training 2</text>');
  });

  test('gaps, single points, and nothing positive for a logarithm', () => {
    const gaps = lineChart({
      title: 'a',
      xName: 'step',
      lines: [{ name: 'b', x: [1, 2, 3, 4], y: [1, Number.NaN, 2, 3], color: 1 }],
    }).text;
    expect(gaps.match(/<polyline/g)).toHaveLength(2);
    const none = lineChart({
      title: 'a',
      xName: 'step',
      lines: [{ name: 'b', x: [1], y: [-1], color: 2 }],
    }).text;
    expect(none).toContain('a: no positive values');
    expect(none).not.toMatch(/NaN|Infinity/);
  });

  test('long series become means of more and more steps', () => {
    const series = new StepSeries();
    for (let step = 1; step <= 10_000; step++) series.add(step, { loss: step });
    expect(series.steps.length).toBeLessThan(4096);
    expect(series.steps.slice(0, 2)).toEqual([4, 8]);
    expect(series.values.loss.slice(0, 2)).toEqual([2.5, 6.5]);
    const again = new StepSeries();
    again.restore(JSON.parse(JSON.stringify(series.stored())), 5000);
    expect(again.steps.at(-1)).toBe(5000);
    expect(again.values.loss).toHaveLength(again.steps.length);
  });

  test('histograms of a long training are thinned', () => {
    const kept = new HistogramSeries();
    for (let epoch = 0; epoch <= 100; epoch++)
      if (kept.wants(epoch)) kept.add(epoch, { w: histogramOf(tensor([epoch, 1, 2])) });
    const epochs = kept.series.w.map(({ epoch }) => epoch);
    expect(epochs.length).toBeLessThanOrEqual(16);
    expect(epochs.slice(0, 3)).toEqual([0, 8, 16]);
    expect(ridges('w', kept.series.w).text.match(/<path/g)).toHaveLength(epochs.length);
  });

  test('classes: counts, shares, confusions', () => {
    const classified = {
      labels: [0, 0, 0, 1, 1, 2],
      predictions: [0, 0, 1, 1, 0, 2],
      losses: [0, 0, 3, 0, 9, 0],
    };
    const own = classReport(classified, { data: 'test', classes: 3, names: ['a', 'b', 'c'] });
    expect(own.matrix).toEqual([
      [2, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
    ]);
    expect(own.mistakes.map(({ label, prediction, loss }) => [label, prediction, loss])).toEqual([
      [1, 0, 9],
      [0, 1, 3],
    ]);
    const { text } = classSections(own);
    expect(text).toContain('6 examples of test: 66.7 % right, mean loss 2.');
    expect(text).toContain('title="a taken for b: 1"');
    expect(text).toContain('>66.7 %</span></td><td>66.7 %</td><td>66.7 %</td>');
    expect(() => classReport(classified, { data: 'x', classes: 3, names: ['a'] })).toThrow(
      '1 names for 3 classes',
    );
  });

  test('regression: points, root mean squared error, R², largest errors', () => {
    const [targets, predictions] = [
      [1, 2, 3, 4],
      [1, 2, 3, 6],
    ];
    const outputs = [{ name: 'price <b>', targets, predictions }];
    const { text } = regressionSection({ kind: 'regression', data: 'houses', outputs });
    expect(text).toContain('root mean squared error 1, R² 0.2');
    expect(text).toContain('price &lt;b&gt;');
    expect(text.match(/<circle/g)).toHaveLength(4);
    expect(text).toContain('<th scope="row">3</th><td>price &lt;b&gt;</td><td>4</td><td>6</td><td>2</td>');
    expect(text).not.toMatch(/NaN|Infinity/);
    elementsOf(text);
    const equal = regressionSection({
      kind: 'regression',
      data: 'x',
      outputs: [{ name: 'a', targets: [1], predictions: [1] }],
    });
    expect(equal.text).toContain('a: all values are equal');
  });

  test('labels: examples, recall, precision, F1', () => {
    const labels = [
      { name: 'red', targets: [1, 1, 0, 0], predictions: [1, 0, 1, 0] },
      { name: 'none', targets: [0, 0, 0, 0], predictions: [0, 0, 0, 0] },
    ];
    const { text } = labelSection({ kind: 'labels', data: 'x', labels });
    expect(text).toContain(
      '<th scope="row">red</th><td>2</td><td>1</td><td><span class="bar" style="--share:0.500">50.0 %</span></td><td>50.0 %</td><td>50.0 %</td>',
    );
    expect(text).toContain('<th scope="row">none</th><td>0</td><td>0</td>');
    elementsOf(text);
  });

  test('the commit, from a repository, a worktree, packed references; null elsewhere', () => {
    const commit = '0123456789abcdef0123456789abcdef01234567';
    expect(gitCommit(folder)).toBeNull();
    const write = (name: string, text: string) => {
      const { mkdirSync } = process.getBuiltinModule('node:fs');
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    write('.git/HEAD', 'ref: refs/heads/main\n');
    write('.git/packed-refs', `# pack-refs\n${commit} refs/heads/main\n`);
    write('inner/file', '');
    expect(gitCommit(join(folder, 'inner'))).toBe(`${commit} (main)`);
    write('.git/worktrees/w/HEAD', 'ref: refs/heads/topic\n');
    write('.git/worktrees/w/commondir', '../..\n');
    write('.git/refs/heads/topic', `${commit.replaceAll('0', 'f')}\n`);
    write('tree/.git', `gitdir: ${join(folder, '.git/worktrees/w')}\n`);
    expect(gitCommit(join(folder, 'tree'))).toBe(`${commit.replaceAll('0', 'f')} (topic)`);
    write('.git/HEAD', `${commit}\n`);
    expect(gitCommit(folder)).toBe(commit);
    write('.git/HEAD', 'nonsense');
    expect(gitCommit(folder)).toBeNull();
  });
});

test('the random generator and the weights do not notice', async () => {
  random.seed(7);
  const first = await train({ sample: zeros([2, 2, 2, 1]), test: toyImages(4) });
  await first.training;
  expect(existsSync(path)).toBe(true);
  const model = toyModel();
  await fit(model, {
    data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: 0.02 }),
    epochs: 2,
  });
  for (const [name, value] of Object.entries(model.stateDict()))
    expect(first.model.stateDict()[name].toArray(), name).toEqual(value.toArray());
});
