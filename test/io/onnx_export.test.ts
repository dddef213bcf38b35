import { describe, expect, test } from 'vitest';
import { cond, random, scan, type Tensor, tensor, where } from '../../src/index.ts';
import { type Exportable, exportOnnx, loadOnnx } from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';
import {
  acceptedByChecker,
  comesBack,
  exportCase,
  noChecker,
  noRuntime,
  sameInRuntime,
} from './onnx_check.ts';

random.seed(7);
const normal = (...shape: number[]): Tensor => tensor(random.normal(shape).toArray());
const tokens = (...shape: number[]): Tensor =>
  tensor(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 7) % 10),
    { shape },
  );

const image = normal(2, 8, 8, 4);
const series = normal(2, 7, 4);
const rows = normal(3, 4);

const activations = [
  nn.ReLU,
  nn.ReLU6,
  nn.LeakyReLU,
  nn.ELU,
  nn.CELU,
  nn.SELU,
  nn.GELU,
  nn.SiLU,
  nn.Mish,
  nn.Softplus,
  nn.Softsign,
  nn.Sigmoid,
  nn.LogSigmoid,
  nn.Tanh,
  nn.Tanhshrink,
  nn.Hardtanh,
  nn.Hardsigmoid,
  nn.Hardswish,
  nn.Hardshrink,
  nn.Softshrink,
  nn.Softmax,
  nn.LogSoftmax,
  nn.Softmin,
  nn.RReLU,
  nn.Identity,
  nn.AlphaDropout,
  nn.Flatten,
];
const pads = [nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d];
const merges = [nn.Add, nn.Subtract, nn.Multiply, nn.Average, nn.Maximum, nn.Minimum, nn.Concatenate];

/** What is exported: a name, a model or function, its inputs. */
const cases: [name: string, model: Exportable, ...inputs: Tensor[]][] = [
  ['Linear', new nn.Linear(4, 3), rows],
  ['Linear on a sequence', new nn.Linear(4, 3, { bias: false }), series],
  ['Conv1d', new nn.Conv1d(4, 6, 3, { padding: 1, dilation: 2 }), series],
  ['Conv2d', new nn.Conv2d(4, 6, 3, { stride: 2, padding: 1 }), image],
  ['Conv2d in groups', new nn.Conv2d(4, 6, [3, 2], { groups: 2, padding: 'same' }), image],
  ['Conv3d', new nn.Conv3d(2, 3, 2), normal(1, 4, 4, 4, 2)],
  ['DepthwiseConv2d', new nn.DepthwiseConv2d(4, 3), image],
  ['SeparableConv2d', new nn.SeparableConv2d(4, 5, 3), image],
  ['ConvTranspose1d', new nn.ConvTranspose1d(4, 3, 3, { stride: 2 }), series],
  [
    'ConvTranspose2d',
    new nn.ConvTranspose2d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
    image,
  ],
  ['MaxPool2d', new nn.MaxPool2d(3, { stride: 2, padding: 1 }), image],
  ['AvgPool2d', new nn.AvgPool2d(2), image],
  ['AvgPool1d', new nn.AvgPool1d(3, { stride: 2, padding: 1 }), series],
  ['AdaptiveAvgPool2d', new nn.AdaptiveAvgPool2d(3), image],
  ['GlobalMaxPool2d', new nn.GlobalMaxPool2d(), image],
  ['GlobalAvgPool1d', new nn.GlobalAvgPool1d(), series],
  ['BatchNorm2d', new nn.Sequential(new nn.BatchNorm2d(4), new nn.ReLU()).eval(), image],
  ['LayerNorm', new nn.LayerNorm(4), series],
  ['GroupNorm', new nn.GroupNorm(2, 4), image],
  ['RMSNorm', new nn.RMSNorm(4), series],
  ['Dropout', new nn.Sequential(new nn.Dropout(0.5), new nn.Linear(4, 2)).eval(), rows],
  ['Embedding', new nn.Embedding(10, 4), tokens(2, 5)],
  ['SinusoidalPositions', new nn.SinusoidalPositions(), series],
  ['SimpleRNN', new nn.SimpleRNN(4, 3), series],
  ['LSTM', new nn.LSTM(4, 3, { layers: 2, bidirectional: true }), series],
  ['GRU', new nn.GRU(4, 3), series],
  ['MultiHeadAttention', new nn.MultiHeadAttention(4, 2).eval(), series],
  ['TransformerEncoderLayer', new nn.TransformerEncoderLayer(4, 2).eval(), series],
  ['losses', (x: Tensor, y: Tensor) => nn.crossEntropy(x, y), rows, tensor([0, 1, 3], { dtype: 'int32' })],
  ['softmax', (x: Tensor) => x.softmax(), rows],
  ...activations.map((Layer): [string, Exportable, Tensor] => [Layer.name, new Layer().eval(), rows]),
  ...pads.map((Layer): [string, Exportable, Tensor] => [Layer.name, new Layer(2), image]),
  ...merges.map((Layer): [string, Exportable, ...Tensor[]] => [Layer.name, new Layer(), rows, normal(3, 4)]),
  ['PReLU', new nn.PReLU(), rows],
  ['Bilinear', new nn.Bilinear(4, 4, 3), rows, normal(3, 4)],
  ['ConvTranspose3d', new nn.ConvTranspose3d(2, 3, 2, { stride: 2 }), normal(1, 3, 3, 3, 2)],
  ['DepthwiseConv1d', new nn.DepthwiseConv1d(4, 3), series],
  ['SeparableConv1d', new nn.SeparableConv1d(4, 5, 3), series],
  ['MaxPool3d', new nn.MaxPool3d(2), normal(1, 4, 4, 4, 2)],
  ['AdaptiveMaxPool2d', new nn.AdaptiveMaxPool2d(3), image],
  ['AdaptiveAvgPool2d into uneven parts', new nn.AdaptiveAvgPool2d([3, 5]), image],
  ['LPPool2d', new nn.LPPool2d(2, 2), image],
  ['InstanceNorm2d', new nn.InstanceNorm2d(4), image],
  ['LocalResponseNorm', new nn.LocalResponseNorm(3), image],
  ['PixelShuffle', new nn.PixelShuffle(2), image],
  ['PixelUnshuffle', new nn.PixelUnshuffle(2), image],
  ['Upsample', new nn.Upsample({ scaleFactor: 2 }), image],
  ['Upsample, bilinear', new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }), image],
  ['LSTM over a long sequence', new nn.LSTM(4, 3), normal(2, 40, 4)],
  ['GRUCell', new nn.GRUCell(4, 3), rows],
  ['TransformerDecoderLayer', new nn.TransformerDecoderLayer(4, 2, 8).eval(), series, normal(2, 5, 4)],
  ['LearnedPositions', new nn.LearnedPositions(9, 4), series],
  ['NoisyLinear', new nn.NoisyLinear(4, 3).eval(), rows],
  ['GLU', new nn.GLU(), rows],
  ['Highway', new nn.Highway(4), rows],
  ['SqueezeExcitation', new nn.SqueezeExcitation(4, 2), image],
  ...(['outputs', 'probabilities', 'vote'] as const).map((combine): [string, Exportable, Tensor] => [
    `Ensemble of ${combine}`,
    new nn.Ensemble([new nn.Linear(4, 3), new nn.Linear(4, 3)], { combine }),
    rows,
  ]),
  [
    'scan',
    (x: Tensor, w: Tensor) =>
      [false, true].map((reverse) =>
        scan(
          (h: Tensor, e: Tensor): [Tensor, Tensor] => {
            const next = h.matmul(w).add(e).tanh().add(rows.sum());
            return [next, next.mul(2)];
          },
          x.at(0),
          x,
          { reverse },
        ),
      ),
    normal(5, 4),
    normal(4, 4),
  ],
  [
    'activations',
    (x: Tensor) => [nn.gelu(x), nn.silu(x), nn.elu(x), nn.softplus(x), nn.mish(x), nn.hardswish(x)],
    rows,
  ],
  [
    'elementary functions',
    (x: Tensor) => [
      x.sin(),
      x.abs().log1p(),
      x.expm1(),
      x.tanh().atanh(),
      x.abs().cbrt(),
      x.erf(),
      x.hypot(2),
      x.logaddexp(1),
      x.round(),
      x.sign(),
    ],
    rows,
  ],
  [
    'comparisons',
    (x: Tensor) => ({
      a: where(x.gt(0), x, -1),
      b: x.ne(x.relu()).logicalNot(),
      c: x.gt(0).any(0),
      d: x.gt(3).all(1),
    }),
    rows,
  ],
  [
    'views',
    (x: Tensor) => [
      x.slice([null, null, -1], [1, 3]),
      x.flip(0),
      x.roll(1, 1),
      x.pad([
        [1, 0],
        [0, 2],
      ]),
      x.tile([2, 1]),
      x.unfold(1, 2, 1),
      x.diagonal(),
    ],
    rows,
  ],
  [
    'orders',
    (x: Tensor) => [
      x.argmax(1),
      x.argmin(),
      x.sort(1),
      x.topk(2).values,
      x.cumsum(0),
      x.cumsum(1, { reverse: true }),
    ],
    rows,
  ],
  [
    'running products and extremes',
    (x: Tensor, i: Tensor) => [
      x.cumprod(1),
      x.cumprod(0, { reverse: true }),
      x.cummax(0).values,
      i.cummin(0).values,
    ],
    rows,
    tokens(4, 2),
  ],
  [
    'reductions',
    (x: Tensor) => [x.sum(), x.prod(0), x.min([0, 1]), x.var(0), x.logsumexp(1), x.norm()],
    rows,
  ],
  ['products', (x: Tensor) => [x.matmul(x.T), x.outer(x.at(0)), x.at(0).convolve(x.at(1)), x.trace()], rows],
  [
    'indices',
    (x: Tensor, i: Tensor) => [x.take(i, 0), x.gather(1, i.reshape([2, 1])), x.index(i, null)],
    rows,
    tensor([2, -1], { dtype: 'int32' }),
  ],
  ['constants', (x: Tensor) => [x.add(tensor([1, 2, 3, 4])), tensor([1, 2]).mul(3), x], rows],
];

const exported = cases.map(([name, model, ...inputs]) => exportCase(name, model, inputs));

test.each(exported)('$name comes back', comesBack);

describe.skipIf(noRuntime)('onnxruntime', () => {
  test.each(exported)('$name gives the same', sameInRuntime);
});

test.skipIf(noChecker)('onnx.checker accepts all files', () => acceptedByChecker(exported));

const opsOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

test('convolutions and pooling keep their names, weights theirs', () => {
  const by = (name: string): string => opsOf(exported.find((e) => e.name === name)!.bytes);
  expect(by('Conv2d')).toContain('Conv_');
  expect(by('Conv2d')).toContain('weight');
  expect(by('ConvTranspose2d')).toContain('ConvTranspose_');
  expect(by('MaxPool2d')).toContain('MaxPool_');
  expect(by('AvgPool2d')).toContain('AveragePool_');
  expect(by('scan')).toContain('Scan_');
  expect(by('Linear')).toContain('MatMul_');
});

test('names of inputs and outputs', async () => {
  const bytes = exportOnnx((x: Tensor) => x.add(1), rows, { inputNames: ['pixels'], outputNames: ['class'] });
  const model = await loadOnnx(bytes);
  expect(model.inputs).toEqual([{ name: 'pixels', shape: [3, 4], dtype: 'float32' }]);
  expect(model.outputs[0].name).toBe('class');
  expect(() => exportOnnx((x: Tensor) => x, rows, { outputNames: ['a', 'b'] })).toThrow(
    /outputNames must be 1 different names/,
  );
  expect(() => exportOnnx((x: Tensor) => x, rows, { outputNames: ['input'] })).toThrow(/both called "input"/);
});

test('what cannot be exported is listed in one error', () => {
  const f = (x: Tensor) => [
    x.lgamma(),
    x.digamma(),
    x.lgamma().add(1),
    cond(
      x.sum().gt(0),
      (y: Tensor) => y,
      (y: Tensor) => y.neg(),
      x,
    ),
  ];
  expect(() => exportOnnx(f, rows)).toThrow(/ONNX has no operators for: lgamma \(2 times\), digamma, cond/);
  const training = new nn.BatchNorm2d(4);
  expect(() => exportOnnx(training, image)).toThrow(/assigns variables.*call model\.eval\(\)/);
  expect(() => exportOnnx(() => 3, [])).toThrow(/returns no array/);
});
