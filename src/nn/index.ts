/** Layers, activations, losses and initializers: `import * as nn from 'nabla/nn'`. */

export * from './activation_layers.ts';
export * from './activations.ts';
export * from './adaptive_pooling.ts';
export {
  type AttentionCache,
  type AttentionOptions,
  attentionWeights,
  MultiHeadAttention,
  type MultiHeadOptions,
  scaledDotProductAttention,
} from './attention.ts';
export * from './attention_kinds.ts';
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormOptions, batchNorm } from './batch_norm.ts';
export * from './bilinear.ts';
export * as constraints from './constraints.ts';
export { constrain } from './constraints.ts';
export * from './containers.ts';
export { Conv1d, Conv2d, Conv3d, type ConvolutionOptions, conv1d, conv2d, conv3d } from './convolution.ts';
export { bernoulliKl, gaussianKl } from './divergences.ts';
export { Dropout, dropout } from './dropout.ts';
export { Embedding } from './embedding.ts';
export { EmbeddingBag, type EmbeddingBagOptions } from './embedding_bag.ts';
export { averageWeights, type Combination, Ensemble } from './ensemble.ts';
export * from './gating.ts';
export * from './global_pooling.ts';
export * as init from './init.ts';
export { type InitialOptions, initialize } from './initial.ts';
export {
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  type InstanceNormOptions,
  instanceNorm,
} from './instance_norm.ts';
export { Linear } from './linear.ts';
export { LocalResponseNorm, type LocalResponseOptions, localResponseNorm } from './local_response_norm.ts';
export * from './losses/index.ts';
export * from './merge_layers.ts';
export * from './model.ts';
export { type Layer, Module, type StateDict, type StateDifference } from './module.ts';
export * from './noise.ts';
export * from './noisy_linear.ts';
export {
  GroupNorm,
  groupNorm,
  LayerNorm,
  layerNorm,
  type NormLayerOptions,
  type NormOptions,
  RMSNorm,
  rmsNorm,
} from './normalization.ts';
export * from './padding_layers.ts';
export { Buffer, Parameter } from './parameter.ts';
export { countParameters, parameterRatio } from './parameter_ratio.ts';
export * from './parametrization.ts';
export {
  activityPenalty,
  type ChoiceOptions,
  elasticNetPenalty,
  l1Penalty,
  l2Penalty,
  type ParameterList,
  sparsityPenalty,
} from './penalties.ts';
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  LPPool1d,
  LPPool2d,
  lpPool1d,
  lpPool2d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type PoolOptions,
} from './pooling.ts';
export {
  LearnedPositions,
  type RotaryOptions,
  rotary,
  SinusoidalPositions,
  sinusoidalPositions,
} from './positions.ts';
export {
  detachState,
  GRU,
  LSTM,
  type RecurrentOptions,
  type SequenceOptions,
  SimpleRNN,
} from './recurrent.ts';
export { type CellOptions, GRUCell, LSTMCell, type LSTMState, RNNCell } from './recurrent_cells.ts';
export type { RecurrentInitialOptions, RecurrentWeights } from './recurrent_steps.ts';
export { type Regularizer, type Regularizers, regularize, regularized } from './regularizers.ts';
export * from './resampling.ts';
export {
  DepthwiseConv1d,
  DepthwiseConv2d,
  type DepthwiseOptions,
  SeparableConv1d,
  SeparableConv2d,
} from './separable_convolution.ts';
export { Sequential, type Step } from './sequential.ts';
export * from './shape_layers.ts';
export type { Padding, PaddingMode, PerAxis } from './spatial_sizes.ts';
export { type InputShapes, type LayerSummary, type ModelSummary, summarize, summary } from './summary.ts';
export * from './time_distributed.ts';
export {
  type DecoderCache,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerOptions,
} from './transformer.ts';
export * from './transformer_stacks.ts';
export {
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeOptions,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from './transposed_convolution.ts';
export * from './unpooling.ts';
