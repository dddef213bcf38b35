import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../src/data/png_encode.ts';
import { decodeWav } from '../../src/data/wav.ts';
import { random, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { picturesOf } from '../../src/train/array_pictures.ts';
import { EventWriter } from '../../src/train/events.ts';
import { modelGraph, operationNodes } from '../../src/train/model_graph.ts';
import { type ReadEvents, readEvents, readerProblem } from '../support/tensorboard_reader.ts';

/** Every kind of summary, written here and read by TensorBoard's own reader and plugins (Python package tensorboard). */
describe.skipIf(readerProblem !== null)('TensorBoard reads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-tensorboard-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const model = new nn.Sequential(
    new nn.Conv2d(1, 2, 3),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(32, 3),
  );
  const example = zeros([2, 6, 6, 1]);
  const pictures = picturesOf(random.uniform([3, 4, 5, 3], { key: random.key(1) }));
  const sound = { sampleRate: 8000, channels: 2, data: Float32Array.of(0, 0.5, -0.5, 0.25, 1, -1) };
  const values = [-1, -0.5, 0, 0, 0.25, 1, 1, 3];
  const scores = [0.05, 0.95, 0.52, 0.74, 0.33, 0.66];
  const labels = [0, 1, 0, 1, 1, 0];
  let read: ReadEvents;

  beforeAll(() => {
    // Small files, so that there are several.
    const writer = new EventWriter(folder, { maxBytes: 6000 });
    for (let step = 0; step < 4; step++) writer.scalar('loss/train', 1 / (step + 1), 10 * step);
    writer.scalar('described', 2, 1, { description: 'of **all**', displayName: 'Shown' });
    for (let step = 1; step <= 2; step++) {
      writer.histogram('weights', tensor(values).mul(step), step, { buckets: 4, description: 'how' });
      writer.images('inputs', pictures, step);
      writer.flush();
    }
    writer.histogram('default', values, 1);
    writer.text('note', '# Title\n\n*text* ∇ <b>', 3);
    writer.text('list', ['one', 'two'], 3);
    writer.text(
      'table',
      [
        ['name', 'value'],
        ['lr', '0.1'],
      ],
      3,
    );
    writer.audio('beep', [sound, sound], 5, { description: 'two' });
    writer.prCurve('class 1', tensor(scores), labels, 7, { thresholds: 11 });
    writer.prCurve('usual', scores, labels, 7);
    writer.graph(modelGraph(model, example));
    writer.hparams(
      { lr: 0.01, optimizer: 'adam', augment: true },
      { metrics: ['loss/train'], group: 'first' },
    );
    writer.layout([{ title: 'losses', charts: [{ title: 'all', series: ['loss/.*'] }] }]);
    writer.tensor('custom', [1, 2, 3, 4], [2, 2], 9, {
      plugin: 'own',
      content: Uint8Array.of(1, 2),
      dataClass: 'tensor',
    });
    writer.hparamsEnd('success');
    writer.close();
    expect(writer.paths.length).toBeGreaterThan(1);
    expect(readdirSync(folder).sort()).toEqual(writer.paths.map((path) => path.slice(folder.length + 1)));
    read = readEvents(folder);
  });

  test('all of it, without a warning', () => {
    expect(read.warnings).toEqual([]);
    expect(read.other.custom).toEqual(['own', [2, 2]]);
  });

  test('scalars and what is said about them', () => {
    expect(read.scalars['loss/train']).toEqual([0, 1, 2, 3].map((i) => [10 * i, Math.fround(1 / (i + 1))]));
    expect(read.scalarTags.described).toEqual({ description: 'of **all**', displayName: 'Shown' });
  });

  test('histograms, and distributions from them', () => {
    expect(read.histograms.weights).toEqual([
      [
        1,
        [
          [-1, 0, 2],
          [0, 1, 3],
          [1, 2, 2],
          [2, 3, 1],
        ],
      ],
      [
        2,
        [
          [-2, 0, 2],
          [0, 2, 3],
          [2, 4, 2],
          [4, 6, 1],
        ],
      ],
    ]);
    const [[, rows]] = read.histograms.default;
    expect(rows).toHaveLength(30);
    expect(rows.reduce((sum, row) => sum + row[2], 0)).toBe(8);
    // Percentiles in units of 0.01 %, among them the least and the largest value.
    const [[, percentiles]] = read.distributions.weights;
    expect([percentiles[0], percentiles.at(-1)]).toEqual([
      [0, -1],
      [10000, 3],
    ]);
  });

  test('several images of a step', () => {
    const { steps } = read.images.inputs;
    expect(steps.map(([step]) => step)).toEqual([1, 2]);
    const [width, height, ...files] = steps[0][1].map((blob) => Buffer.from(blob, 'base64'));
    expect([String(width), String(height)]).toEqual(['5', '4']);
    expect(files.map((file, i) => file.equals(encodePng(pictures[i])))).toEqual([true, true, true]);
  });

  test('texts, lists and tables', () => {
    expect(read.text.note).toEqual([[3, expect.stringContaining('<h1>Title</h1>')]]);
    expect(read.text.note[0][1]).toContain('<em>text</em> ∇');
    expect(read.text.list[0][1]).toMatch(/<table>.*one.*two/s);
    expect(read.text.table[0][1].match(/<td>/g)).toHaveLength(4);
  });

  test('sounds', () => {
    expect(read.audioEncodings.beep).toBe(11);
    const [[step, files]] = read.audio.beep.steps;
    expect([step, files.length, read.audio.beep.description]).toEqual([5, 2, 'two']);
    const decoded = decodeWav(Buffer.from(files[1], 'base64'));
    expect([decoded.sampleRate, decoded.channels, decoded.data.length]).toEqual([8000, 2, 6]);
  });

  test('precision-recall curves, equal to counting at every threshold', () => {
    const { thresholds, entries } = read.prCurves['class 1'];
    expect(thresholds).toBe(11);
    const [curve] = entries;
    expect(curve.step).toBe(7);
    curve.thresholds.forEach((threshold, i) => {
      const found = scores.map((score) => score >= threshold);
      const right = labels.filter((label, j) => label === 1 && found[j]).length;
      const wrong = labels.filter((label, j) => label === 0 && found[j]).length;
      expect([curve.true_positives[i], curve.false_positives[i]]).toEqual([right, wrong]);
      expect([curve.false_negatives[i], curve.true_negatives[i]]).toEqual([3 - right, 3 - wrong]);
      expect(curve.precision[i]).toBeCloseTo(right / (right + wrong), 6);
      expect(curve.recall[i]).toBeCloseTo(right / 3, 6);
    });
    expect(read.prCurves.usual.thresholds).toBe(201);
  });

  test('the graph of the model, as the Graphs dashboard gets it', () => {
    const nodes = operationNodes(model, [example]);
    expect(read.graph?.map(({ name }) => name)).toEqual(nodes.map(({ name }) => name));
    read.graph?.forEach(({ inputs, shape, op }, i) => {
      expect({ inputs, shape, op }).toEqual({
        inputs: nodes[i].inputs,
        shape: nodes[i].shape,
        op: nodes[i].op,
      });
    });
    expect(read.graph?.find(({ name }) => name === '0/contract')?.shape).toEqual([2, 4, 4, 2]);
  });

  test('hyperparameters with the metric that trials are compared by', () => {
    expect(read.hparams?.experiment).toMatchObject({
      hparamInfos: [
        { name: 'augment', type: 'DATA_TYPE_BOOL' },
        { name: 'lr', type: 'DATA_TYPE_FLOAT64' },
        { name: 'optimizer', type: 'DATA_TYPE_STRING' },
      ],
    });
    expect(read.hparams?.groups.sessionGroups).toMatchObject([
      {
        name: 'first',
        hparams: { lr: 0.01, optimizer: 'adam', augment: true },
        metricValues: [{ name: { tag: 'loss/train' }, value: 0.25, trainingStep: 30 }],
        sessions: [{ status: 'STATUS_SUCCESS' }],
      },
    ]);
  });

  test('the layout of Custom Scalars', () => {
    expect(read.layout).toMatchObject({
      category: [{ title: 'losses', chart: [{ title: 'all', multiline: { tag: ['loss/.*'] } }] }],
    });
  });
});
