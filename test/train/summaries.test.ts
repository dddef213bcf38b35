import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Image } from '../../src/data/image.ts';
import { arange, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { LeNet5 } from '../../src/recipes/lenet5.ts';
import { filterPictures, gridOf, picturesOf } from '../../src/train/array_pictures.ts';
import { histogramOf } from '../../src/train/histogram_buckets.ts';
import { experimentValue, trialEndValue, trialStartValue } from '../../src/train/hyperparameters.ts';
import { graphDefinition, joined, operationNodes } from '../../src/train/model_graph.ts';
import { smooth } from '../../src/train/smoothing.ts';
import {
  histogramValue,
  layoutValue,
  prCurveValue,
  precisionRecallRows,
  scalarValue,
  stringTensor,
  tensorValue,
  textValue,
} from '../../src/train/summaries.ts';

interface Golden {
  readonly values: Readonly<Record<string, string>>;
  readonly buckets: readonly { values: number[]; buckets: number; rows: number[][] }[];
  readonly curve: readonly number[];
  readonly smoothed: readonly number[];
}
/** Written by scripts/fixtures/tensorboard_events.py with TensorBoard's own messages. */
const golden: Golden = JSON.parse(
  readFileSync(new URL('../fixtures/tensorboard_events.json', import.meta.url), 'utf8'),
);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('summaries are the bytes that TensorBoard itself serializes', () => {
  const first = { group: 'first', wallTime: 1700000000.5 };
  const values = { name: 'adam ∇', rate: 0.001, deep: false };
  const metrics = ['epoch/loss', 'epoch/validationLoss'];
  test.each<[string, () => { finish(): Uint8Array }]>([
    ['scalar', () => scalarValue('loss/train', 0.1)],
    ['described', () => scalarValue('loss', 0.25, { displayName: 'Loss', description: 'of *training*' })],
    [
      'histogram',
      () => histogramValue('weights', histogramOf([0, 1, 2, 3], 3), { description: 'how they lie' }),
    ],
    ['text', () => textValue('note', '# head\n∇')],
    [
      'table',
      () =>
        textValue('table', [
          ['a', 'b'],
          ['c', 'd'],
        ]),
    ],
    ['prCurve', () => prCurveValue('pr', precisionRecallRows([0.3, 0.5, 0.4], [1, 1, 0], 5))],
    [
      'layout',
      () =>
        layoutValue([
          { title: 'all', charts: [{ title: 'both', series: ['epoch/loss', 'epoch/validation.*'] }] },
        ]),
    ],
    ['experiment', () => experimentValue(values, { metrics, wallTime: 1700000000.5 })],
    ['startNumber', () => trialStartValue({ x: 0.001 }, first)],
    ['startFlag', () => trialStartValue({ x: false }, first)],
    ['startText', () => trialStartValue({ x: 'adam ∇' }, first)],
    ['end', () => trialEndValue('failure', 1700000001.25)],
    [
      'images',
      () =>
        tensorValue('pictures', stringTensor(['2', '1', bytes('PNG1'), bytes('PNG2')], [4]), {
          plugin: 'images',
          dataClass: 'blob',
        }),
    ],
    [
      'audio',
      () =>
        tensorValue('sound', stringTensor(['WAV1'], [1]), {
          plugin: 'audio',
          content: Uint8Array.of(16, 11),
          dataClass: 'blob',
        }),
    ],
    [
      'graph',
      () => ({
        finish: () =>
          graphDefinition([
            { name: 'input', op: 'Placeholder', inputs: [], dtype: 'float32', shape: [2, 0, 300] },
            {
              name: 'fc/add',
              op: 'add',
              inputs: ['input', 'fc/bias'],
              dtype: 'float32',
              shape: [2, 0, 300],
              remarks: { kind: 'add' },
            },
          ]),
      }),
    ],
  ])('%s', (name, write) => {
    expect(Buffer.from(write().finish()).toString('hex')).toBe(golden.values[name]);
  });

  test('what does not fit is refused', () => {
    expect(() => textValue('t', [['a'], ['b', 'c']])).toThrow(/same number of cells/);
    expect(() => experimentValue({ lr: null as never })).toThrow(
      "'lr' must be a text, a number or a boolean",
    );
    expect(() => precisionRecallRows([0.5], [], 5)).toThrow('1 scores but 0 labels');
    expect(() => precisionRecallRows([Number.NaN], [1], 5)).toThrow('score 0 is NaN');
    expect(() => precisionRecallRows([1], [1], 1)).toThrow('thresholds must be an integer from 2 on');
  });
});

describe('histogramOf', () => {
  test.each(golden.buckets)('counts as TensorBoard does: $values', ({ values, buckets, rows }) => {
    const { edges, counts } = histogramOf(values, buckets);
    rows.forEach(([left, right, count], i) => {
      expect(counts[i]).toBe(count);
      expect(edges[i]).toBeCloseTo(left, 12);
      expect(edges[i + 1]).toBeCloseTo(right, 12);
    });
  });

  test('leaves out what is not finite; takes arrays; of nothing it is empty', () => {
    const odd = histogramOf(tensor([1, Number.NaN, 2, Number.POSITIVE_INFINITY]), 2);
    expect([...odd.counts]).toEqual([1, 1]);
    expect(odd.notFinite).toBe(2);
    expect([...histogramOf([], 2).counts]).toEqual([0, 0]);
    expect([...histogramOf([-1.7e308, 1.7e308], 2).counts]).toEqual([1, 1]);
    expect(() => histogramOf([1], 0)).toThrow('buckets must be a positive integer');
  });
});

describe('smooth', () => {
  test('is the average with weights that fall by 0.6 for each step back', () => {
    smooth(golden.curve).forEach((value, i) => {
      expect(value).toBeCloseTo(golden.smoothed[i], 12);
    });
  });

  test('keeps gaps and constants, and refuses weights beyond', () => {
    expect(smooth([1, Number.NaN, 1, 3], 0)).toEqual([1, Number.NaN, 1, 3]);
    expect(smooth([0, Number.NaN, 4], 0.5)[2]).toBeCloseTo(8 / 3, 12);
    expect(smooth([0.1, 0.1, 0.1], 0.9)).toEqual([0.1, 0.1, 0.1]);
    expect(smooth([])).toEqual([]);
    expect(() => smooth([1], 1)).toThrow('weight must be from 0 to below 1');
  });
});

describe('pictures', () => {
  test('floats are from 0 to 1, integers from 0 to 255, and cut off', () => {
    const [one] = picturesOf(tensor([[0, 0.5, 1, 2, Number.NaN, -1]]));
    expect(one).toEqual({ shape: [1, 6, 1], data: Uint8Array.of(0, 128, 255, 255, 0, 0) });
    const many = picturesOf(arange(24, undefined, undefined, { dtype: 'int32' }).reshape([2, 2, 2, 3]));
    expect(many).toHaveLength(2);
    expect([...many[1].data]).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23]);
    expect(() => picturesOf(zeros([2, 2, 5]))).toThrow('[2, 2, 5] is no image');
    expect(() => picturesOf(zeros([2]))).toThrow('[2] is no image');
  });

  test('filters are stretched from black to white, in colours where there are three inputs', () => {
    const grey = filterPictures(tensor([-1, 1, 0, 2, 1, 3]).reshape([1, 1, 3, 2]));
    expect(grey.map(({ data }) => [...data])).toEqual([[0, 128, 255]]);
    const [colour] = filterPictures(tensor([5, 6, 7]).reshape([1, 1, 1, 3]));
    expect([colour.shape[2], ...colour.data]).toEqual([3, 0, 128, 255]);
    expect([...filterPictures(zeros([1, 1, 2, 1]))[0].data]).toEqual([128, 128]);
    expect(() => filterPictures(zeros([2, 2]))).toThrow('[out, height, width, in]');
  });

  test('a grid has gaps of a pixel', () => {
    const dot = (value: number): Image => ({ shape: [1, 1, 1], data: Uint8Array.of(value) });
    const grid = gridOf([dot(1), dot(2), dot(3)]);
    expect(grid.shape).toEqual([3, 3, 1]);
    expect([...grid.data]).toEqual([1, 0, 2, 0, 0, 0, 3, 0, 0]);
    expect(() => gridOf([])).toThrow('no pictures');
  });
});

describe('modelGraph', () => {
  test('LeNet-5: operations in their layers, with shapes; the weights go where they belong', () => {
    const nodes = operationNodes(new LeNet5(), [zeros([3, 28, 28, 1])]);
    const named = new Map(nodes.map((node) => [node.name, node]));
    expect(named.size).toBe(nodes.length);
    expect(named.get('input')?.shape).toEqual([3, 28, 28, 1]);
    expect(named.get('conv1/contract')).toMatchObject({
      op: 'contract',
      inputs: ['input', 'conv1/weight'],
      shape: [3, 28, 28, 6],
    });
    expect(named.get('fc3/weight')?.op).toBe('Variable');
    expect(named.get('output')?.shape).toEqual([3, 10]);
    // Every input is there, before its user.
    const seen = new Set<string>();
    for (const node of nodes) {
      for (const input of node.inputs) expect(seen.has(input), `${node.name} <- ${input}`).toBe(true);
      seen.add(node.name);
    }
  });

  test('a loop that is unrolled: the operations of a module as one, without cycles', () => {
    const recurrent = new nn.LSTM(3, 4);
    class Reader extends nn.Module {
      inner = recurrent;
      out = new nn.Linear(4, 2);
      forward(x: Tensor): Tensor {
        const [all] = this.inner.forward(x) as unknown as [Tensor];
        return this.out.forward(all.slice(null, [-1, null]).reshape([x.shape[0], 4])).mul(2);
      }
    }
    const nodes = operationNodes(new Reader(), [zeros([2, 9, 3])]);
    const drawn = joined(nodes);
    expect(drawn.length).toBeLessThan(nodes.length);
    const named = new Map(drawn.map((node) => [node.name, node]));
    expect(named.get('inner/forward')?.inputs).toContain('input');
    expect(named.get('out/forward')).toMatchObject({ op: 'forward', shape: [2, 2] });
    expect(named.get('output')?.inputs).toEqual(['forward']);
    const seen = new Set<string>();
    for (const { name, inputs } of drawn) {
      for (const input of inputs) expect(seen.has(input), `${name} <- ${input}`).toBe(true);
      seen.add(name);
    }
  });

  test('graphs of layers, several inputs, a layer that runs twice', () => {
    const [a, b] = [nn.input('a'), nn.input('b')];
    const shared = new nn.Linear(2, 2);
    const sum = nn.apply(new nn.Add(), a.to(shared), b.to(shared));
    const model = new nn.Model([a, b], sum);
    const nodes = operationNodes(model, [zeros([1, 2]), zeros([1, 2])]);
    const contractions = nodes.filter(({ op }) => op === 'contract');
    expect(contractions.map(({ name }) => name)).toEqual(['0/contract', '0/contract_1']);
    expect(contractions.map(({ inputs }) => inputs[0])).toEqual(['input0', 'input1']);
    expect(model.training).toBe(true);
  });
});
