import { type Tensor, tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { wave } from './torch_layers.ts';

/** One module of each class with inputs for it: what tests that are about every module go through. */
export interface ModuleExample {
  readonly name: string;
  readonly module: { forward(...inputs: never[]): unknown } & nn.Module;
  readonly inputs: readonly Tensor[];
}

const rows = wave([3, 4], 40);
const other = wave([3, 4], 41);
const third = wave([3, 4], 42);
const positive = wave([3, 4], 43).square().add(0.1);
const series = wave([2, 6, 4], 44);
const query = wave([2, 3, 4], 45);
const image = wave([2, 8, 8, 4], 46);
const volume = wave([2, 4, 4, 4, 2], 47);
const signs = wave([3, 4], 48).sign();
const integers = (values: readonly number[], shape: readonly number[]): Tensor =>
  tensor([...values], { dtype: 'int32', shape });
const classes = integers([0, 3, 1], [3]);
const bits = integers([0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1, 0], [3, 4]).cast('float32');
const words = integers([1, 7, 3, 0, 9, 2], [2, 3]);
const oneSign = tensor([1, -1, 1]);
const forms = [series, image, volume];

const of = (name: string, module: nn.Module, ...inputs: Tensor[]): ModuleExample => ({
  name,
  module: module.eval(),
  inputs,
});

const elementwise = [
  ...[nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus],
  ...[nn.Softsign, nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Tanhshrink, nn.Hardtanh, nn.Hardsigmoid],
  ...[nn.Hardswish, nn.Hardshrink, nn.Softshrink, nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.RReLU],
  ...[nn.Identity, nn.Flatten, nn.GLU, nn.PReLU],
  ...[nn.Dropout, nn.AlphaDropout, nn.GaussianDropout],
].map((Layer) => of(Layer.name, new Layer(), rows));

const byAxes = [
  [nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d],
  [nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d],
  [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d],
  [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d],
  [nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d],
  [nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d],
  [nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d],
  [nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d],
].flatMap((layers) => layers.map((Layer, i) => of(Layer.name, new Layer(2), forms[i])));

const withoutArguments = [
  [nn.GlobalAvgPool1d, nn.GlobalAvgPool2d, nn.GlobalAvgPool3d],
  [nn.GlobalMaxPool1d, nn.GlobalMaxPool2d, nn.GlobalMaxPool3d],
  [nn.Dropout1d, nn.Dropout2d, nn.Dropout3d],
].flatMap((layers) => layers.map((Layer, i) => of(Layer.name, new Layer(), forms[i])));

const byChannels = [
  [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d],
  [nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d],
].flatMap((layers) => layers.map((Layer, i) => of(Layer.name, new Layer(i === 2 ? 2 : 4), forms[i])));

const merges = [
  nn.Add,
  nn.Subtract,
  nn.Multiply,
  nn.Average,
  nn.Maximum,
  nn.Minimum,
  nn.Concatenate,
  nn.Dot,
].map((Layer) => of(Layer.name, new Layer(), rows, other));

const input = nn.input();
const layers: readonly ModuleExample[] = [
  ...elementwise,
  ...byAxes,
  ...withoutArguments,
  ...byChannels,
  ...merges,
  of('Threshold', new nn.Threshold(0.1, 20), rows),
  of('FeatureAlphaDropout', new nn.FeatureAlphaDropout(), image),
  of('GaussianNoise', new nn.GaussianNoise(0.3), rows),
  of('ConstantPad1d', new nn.ConstantPad1d([[1, 2]], 0.5), series),
  of('ConstantPad2d', new nn.ConstantPad2d(1, 0.5), image),
  of('ConstantPad3d', new nn.ConstantPad3d(1, 0.5), volume),
  of('LPPool1d', new nn.LPPool1d(2, 2), series),
  of('LPPool2d', new nn.LPPool2d(2, 2), image),
  of('Linear', new nn.Linear(4, 3), rows),
  of('Bilinear', new nn.Bilinear(4, 4, 2), rows, other),
  of('NoisyLinear', new nn.NoisyLinear(4, 3), rows),
  of('Embedding', new nn.Embedding(10, 4), words),
  of('EmbeddingBag', new nn.EmbeddingBag(10, 4), words),
  of('Conv1d', new nn.Conv1d(4, 3, 3, { padding: [[1, 2]] as const, paddingMode: 'reflect' }), series),
  of('Conv2d', new nn.Conv2d(4, 6, 3, { stride: 2, padding: 1, groups: 2 }), image),
  of('Conv3d', new nn.Conv3d(2, 3, 2), volume),
  of('ConvTranspose1d', new nn.ConvTranspose1d(4, 3, 3, { stride: 2 }), series),
  of('ConvTranspose2d', new nn.ConvTranspose2d(4, 3, 3, { stride: 2, outputPadding: 1 }), image),
  of('ConvTranspose3d', new nn.ConvTranspose3d(2, 3, 2, { stride: 2 }), volume),
  of('DepthwiseConv1d', new nn.DepthwiseConv1d(4, 3), series),
  of('DepthwiseConv2d', new nn.DepthwiseConv2d(4, 3), image),
  of('SeparableConv1d', new nn.SeparableConv1d(4, 5, 3), series),
  of('SeparableConv2d', new nn.SeparableConv2d(4, 5, 3), image),
  of('LayerNorm', new nn.LayerNorm(4), series),
  of('RMSNorm', new nn.RMSNorm(4), series),
  of('GroupNorm', new nn.GroupNorm(2, 4), image),
  of('LocalResponseNorm', new nn.LocalResponseNorm(3), image),
  of('SimpleRNN', new nn.SimpleRNN(4, 3), series),
  of('LSTM', new nn.LSTM(4, 3, { layers: 2, bidirectional: true }), series),
  of('GRU', new nn.GRU(4, 3, { initial: 'learned' }), series),
  of('RNNCell', new nn.RNNCell(4, 3), rows),
  of('LSTMCell', new nn.LSTMCell(4, 3), rows),
  of('GRUCell', new nn.GRUCell(4, 3), rows),
  of('TimeDistributed', new nn.TimeDistributed(new nn.Linear(4, 2)), series),
  of('RepeatVector', new nn.RepeatVector(3), rows),
  of('MultiHeadAttention', new nn.MultiHeadAttention(4, 2), series),
  of('DotAttention', new nn.DotAttention(), query, series),
  of('CosineAttention', new nn.CosineAttention(), query, series),
  of('AdditiveAttention', new nn.AdditiveAttention(4, 4), query, series),
  of('TransformerEncoderLayer', new nn.TransformerEncoderLayer(4, 2, 8), series),
  of('TransformerDecoderLayer', new nn.TransformerDecoderLayer(4, 2, 8), query, series),
  of('TransformerEncoder', new nn.TransformerEncoder(2, 4, 2, 8), series),
  of('TransformerDecoder', new nn.TransformerDecoder(2, 4, 2, 8), query, series),
  of(
    'Transformer',
    new nn.Transformer(4, 2, { encoderLayers: 1, decoderLayers: 1, hidden: 8 }),
    series,
    query,
  ),
  of('LearnedPositions', new nn.LearnedPositions(9, 4), series),
  of('SinusoidalPositions', new nn.SinusoidalPositions(), series),
  of('Upsample', new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }), image),
  of('PixelShuffle', new nn.PixelShuffle(2), image),
  of('PixelUnshuffle', new nn.PixelUnshuffle(2), image),
  of('Reshape', new nn.Reshape([2, 2]), rows),
  of('Permute', new nn.Permute([0, 2, 1]), series),
  of('Unflatten', new nn.Unflatten(1, [2, 2]), rows),
  of('Highway', new nn.Highway(4), rows),
  of('Residual', new nn.Residual(new nn.Linear(4, 4)), rows),
  of('SqueezeExcitation', new nn.SqueezeExcitation(4, 2), image),
  of('GatedLinear', new nn.GatedLinear(4, 3), rows),
  of('Lambda', new nn.Lambda((x: Tensor) => x.mul(2).sin()), rows),
  of('Sequential', new nn.Sequential(new nn.Linear(4, 3), new nn.Tanh(), new nn.Linear(3, 2)), rows),
  of('Model', new nn.Model([input], nn.apply(new nn.Linear(4, 2), input)), rows),
  of('Ensemble', new nn.Ensemble([new nn.Linear(4, 3), new nn.Linear(4, 3)]), rows),
  of('WeightNorm', nn.weightNorm(new nn.Linear(4, 3)), rows),
  of('SpectralNorm', nn.spectralNorm(new nn.Linear(4, 3)), rows),
];

const pairs: readonly [nn.Module, ...Tensor[]][] = [
  [new nn.L1Loss(), rows, other],
  [new nn.MSELoss(), rows, other],
  [new nn.HuberLoss(), rows, other],
  [new nn.SmoothL1Loss(), rows, other],
  [new nn.LogCoshLoss(), rows, other],
  [new nn.PoissonNLLLoss(), rows, positive],
  [new nn.GaussianNLLLoss(), rows, other, positive],
  [new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }), rows, classes],
  [new nn.NLLLoss(), rows.logSoftmax(-1), classes],
  [new nn.KLDivLoss(), rows.logSoftmax(-1), other.softmax(-1)],
  [new nn.FocalLoss(), rows, classes],
  [new nn.BCELoss(), rows.sigmoid(), bits],
  [new nn.BCEWithLogitsLoss(), rows, bits],
  [new nn.SigmoidFocalLoss(), rows, bits],
  [new nn.HingeLoss(), rows, signs],
  [new nn.SquaredHingeLoss(), rows, signs],
  [new nn.SoftMarginLoss(), rows, signs],
  [new nn.HingeEmbeddingLoss(), rows, signs],
  [new nn.MarginRankingLoss(), rows, other, signs],
  [new nn.MultiMarginLoss(), rows, classes],
  [new nn.MultiLabelMarginLoss(), rows, integers([3, 0, -1, 1, 0, -1, 0, 0, 1, 2, 3, -1], [3, 4])],
  [new nn.MultiLabelSoftMarginLoss(), rows, bits],
  [new nn.CosineEmbeddingLoss(), rows, other, oneSign],
  [new nn.ContrastiveLoss(), rows, other, tensor([1, 0, 1])],
  [new nn.TripletMarginLoss(), rows, other, third],
  [new nn.TripletMarginWithDistanceLoss(), rows, other, third],
  [new nn.DiceLoss(), rows.sigmoid(), bits],
  [new nn.TverskyLoss(), rows.sigmoid(), bits],
  [new nn.CTCLoss(), wave([2, 6, 5], 49).logSoftmax(-1), integers([1, 2, 2, 3], [2, 2])],
  [new nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3, 6], { divValue: 2 }), rows, integers([0, 4, 9], [3])],
];

export const moduleExamples: readonly ModuleExample[] = [
  ...layers,
  ...pairs.map(([module, ...inputs]) => of(module.constructor.name, module, ...inputs)),
];

/** Classes of modules that compute nothing by themselves. */
export const withoutExample: Readonly<Record<string, string>> = {
  ModuleList: 'a list of modules: it has no forward',
  ModuleDict: 'modules by name: it has no forward',
  Loss: 'the abstract class of the losses',
  Parametrization: 'the abstract class of WeightNorm and SpectralNorm',
};

/** Names of the classes of modules that `nabla/nn` exports. */
export const moduleClasses: readonly string[] = Object.entries(nn).flatMap(([name, value]) =>
  typeof value === 'function' && value.prototype instanceof nn.Module ? [name] : [],
);
