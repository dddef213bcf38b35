import { zeros } from '../core/create.ts';
import { concat, type Tensor } from '../core/tensor.ts';
import type { Variable } from '../core/variable.ts';
import { FormatError } from '../io/index.ts';
import { BatchNorm } from '../nn/batch_norm.ts';
import { Convolution } from '../nn/convolution.ts';
import * as nn from '../nn/index.ts';
import { fromDepthwise, fromKernel, toDepthwise, toKernel } from './layouts.ts';
import type { WeightSource } from './weights.ts';

/** How the variables of modules of `nabla/nn` and those of Keras's layers correspond. */

/** A module, or a part of one, that is one layer of Keras. */
export interface Unit {
  /** Keras's classes that fit. */
  readonly classes: readonly string[];
  /** What Keras's variables become. */
  readonly load: (weights: WeightSource) => (readonly [Variable, Tensor])[];
  /** Keras's variables with the attributes that lead to them. */
  readonly save: () => readonly { readonly path: readonly string[]; readonly arrays: readonly Tensor[] }[];
}

type Pairs = (readonly [Variable, Tensor])[];

const present = (...variables: (Variable | null)[]): Tensor[] =>
  variables.flatMap((variable) => (variable === null ? [] : [variable.value]));

/** A layer with a kernel and perhaps a bias. */
function affine(
  classes: readonly string[],
  { weight, bias }: { readonly weight: Variable; readonly bias: Variable | null },
  from: (kernel: Tensor) => Tensor,
  to: (weight: Tensor) => Tensor,
  kernelName = 'kernel',
): Unit {
  return {
    classes,
    load: (weights) => {
      const [kernel, offset] = weights.take([kernelName, ...(bias === null ? [] : ['bias'])]);
      requireRank(kernel, weight.shape.length);
      const pairs: Pairs = [[weight, from(kernel)]];
      if (bias !== null) pairs.push([bias, offset]);
      return pairs;
    },
    save: () => [{ path: [], arrays: [to(weight.value), ...present(bias)] }],
  };
}

function requireRank(array: Tensor, rank: number): void {
  if (array.ndim !== rank)
    throw new FormatError(`a kernel [${array.shape.join(', ')}] has ${array.ndim} axes instead of ${rank}`);
}

/** A layer whose variables have the same layout here and there. */
function plain(
  classes: readonly string[],
  variables: readonly (readonly [name: string, variable: Variable | null])[],
): Unit {
  const own = variables.flatMap(([name, variable]) => (variable === null ? [] : [[name, variable] as const]));
  return {
    classes,
    load: (weights) => weights.take(own.map(([name]) => name)).map((array, i) => [own[i][1], array] as const),
    save: () => [{ path: [], arrays: own.map(([, { value }]) => value) }],
  };
}

/** Blocks of rows in another order. */
function reordered(rows: Tensor, order: readonly number[]): Tensor {
  const each = rows.shape[0] / order.length;
  return concat(order.map((k) => rows.slice([k * each, (k + 1) * each])));
}

/** One direction of one layer of a recurrent module: gates of a GRU are r, z, n here and z, r, h in Keras. */
function cell(
  kind: string,
  weights: WeightSource,
  { weightIh, weightHh, biasIh, biasHh }: nn.RecurrentWeights,
): Pairs {
  const [kernel, recurrent, bias] = weights
    .inside('cell')
    .take(['kernel', 'recurrent_kernel', ...(biasIh === null ? [] : ['bias'])]);
  const order = kind === 'GRU' ? [1, 0, 2] : null;
  const sorted = (rows: Tensor): Tensor => (order === null ? rows : reordered(rows, order));
  requireRank(kernel, 2);
  requireRank(recurrent, 2);
  const pairs: Pairs = [
    [weightIh, sorted(kernel.transpose())],
    [weightHh, sorted(recurrent.transpose())],
  ];
  if (biasIh === null || biasHh === null) return pairs;
  if (kind === 'GRU' && bias.ndim !== 2)
    throw new FormatError('a GRU of Keras with reset_after false computes something else than nn.GRU');
  const inner = kind === 'GRU' ? bias.at(1) : zeros(biasHh.shape);
  return [...pairs, [biasIh, sorted(kind === 'GRU' ? bias.at(0) : bias)], [biasHh, sorted(inner)]];
}

/** The same the other way round. */
function cellArrays(kind: string, { weightIh, weightHh, biasIh, biasHh }: nn.RecurrentWeights): Tensor[] {
  const sorted = (rows: Tensor): Tensor => (kind === 'GRU' ? reordered(rows, [1, 0, 2]) : rows);
  const kernels = [sorted(weightIh.value).transpose(), sorted(weightHh.value).transpose()];
  if (biasIh === null || biasHh === null) return kernels;
  const both = [sorted(biasIh.value), sorted(biasHh.value)];
  return [...kernels, kind === 'GRU' ? concat(both.map((x) => x.unsqueeze(0))) : both[0].add(both[1])];
}

/** A recurrent module: each of its layers is one of Keras. */
function recurrent(kind: string, cells: readonly nn.RecurrentWeights[], isBidirectional: boolean): Unit[] {
  if (!isBidirectional)
    return cells.map((weights) => ({
      classes: [kind],
      load: (source) => cell(kind, source, weights),
      save: () => [{ path: ['cell'], arrays: cellArrays(kind, weights) }],
    }));
  return Array.from({ length: cells.length / 2 }, (_, i) => {
    const [forward, backward] = [cells[2 * i], cells[2 * i + 1]];
    return {
      classes: ['Bidirectional'],
      load: (source) => [
        ...cell(kind, source.inside('forward_layer'), forward),
        ...cell(kind, source.inside('backward_layer'), backward),
      ],
      save: () => [
        { path: ['forward_layer', 'cell'], arrays: cellArrays(kind, forward) },
        { path: ['backward_layer', 'cell'], arrays: cellArrays(kind, backward) },
      ],
    };
  });
}

/** Keras's kernels of heads [dim, heads, size] as rows [heads size, dim], biases flat. */
function attention(module: nn.MultiHeadAttention): Unit {
  const { heads, inProj, outProj } = module;
  const [dim] = outProj.weight.shape;
  const size = dim / heads;
  const biased = inProj.bias !== null;
  const names = ['kernel', ...(biased ? ['bias'] : [])];
  const parts = ['query_dense', 'key_dense', 'value_dense'];
  return {
    classes: ['MultiHeadAttention'],
    load: (weights) => {
      const projections = parts.map((part) => weights.inside(part).take(names));
      const [out, outBias] = weights.inside('output_dense').take(names);
      for (const [kernel] of projections)
        if (String(kernel.shape) !== String([dim, heads, size]))
          throw new FormatError(
            `attention of [${kernel.shape.join(', ')}] (inputs, heads, size) does not fit nn.MultiHeadAttention of [${[dim, heads, size].join(', ')}]`,
          );
      const pairs: Pairs = [
        [inProj.weight, concat(projections.map(([kernel]) => kernel.reshape([dim, dim]).transpose()))],
        [outProj.weight, out.reshape([dim, dim]).transpose()],
      ];
      if (inProj.bias !== null)
        pairs.push([inProj.bias, concat(projections.map(([, bias]) => bias.reshape([dim])))]);
      if (outProj.bias !== null) pairs.push([outProj.bias, outBias]);
      return pairs;
    },
    save: () => [
      ...parts.map((part, i) => {
        const rows = (x: Tensor): Tensor => x.slice([i * dim, (i + 1) * dim]);
        const kernel = rows(inProj.weight.value).transpose().reshape([dim, heads, size]);
        const bias = inProj.bias === null ? [] : [rows(inProj.bias.value).reshape([heads, size])];
        return { path: [part], arrays: [kernel, ...bias] };
      }),
      {
        path: ['output_dense'],
        arrays: [outProj.weight.value.transpose().reshape([heads, size, dim]), ...present(outProj.bias)],
      },
    ],
  };
}

/**
 * The layers of Keras that a module is, in order; null if it is none itself, and those inside of it have to be looked at.
 */
export function unitsOf(module: nn.Module): Unit[] | null {
  if (module instanceof nn.Linear)
    return [
      affine(
        ['Dense'],
        module,
        (x) => x.transpose(),
        (x) => x.transpose(),
      ),
    ];
  if (module instanceof nn.SeparableConv1d || module instanceof nn.SeparableConv2d) {
    const { depthwise, pointwise } = module;
    const axes = depthwise.weight.shape.length - 2;
    const names = ['depthwise_kernel', 'pointwise_kernel', ...(pointwise.bias === null ? [] : ['bias'])];
    return [
      {
        classes: [`SeparableConv${axes}D`],
        load: (weights) => {
          const [depth, point, bias] = weights.take(names);
          requireRank(depth, axes + 2);
          requireRank(point, axes + 2);
          const pairs: Pairs = [
            [depthwise.weight, fromDepthwise(depth)],
            [pointwise.weight, fromKernel(point)],
          ];
          if (pointwise.bias !== null) pairs.push([pointwise.bias, bias]);
          return pairs;
        },
        save: () => [
          {
            path: [],
            arrays: [
              toDepthwise(depthwise.weight.value, depthwise.channels),
              toKernel(pointwise.weight.value),
              ...present(pointwise.bias),
            ],
          },
        ],
      },
    ];
  }
  if (module instanceof nn.DepthwiseConv1d || module instanceof nn.DepthwiseConv2d) {
    const axes = module.weight.shape.length - 2;
    const to = (x: Tensor): Tensor => toDepthwise(x, module.channels);
    return [affine([`DepthwiseConv${axes}D`], module, fromDepthwise, to, 'kernel|depthwise_kernel')];
  }
  if (module instanceof Convolution)
    return [affine([`Conv${module.weight.shape.length - 2}D`], module, fromKernel, toKernel)];
  for (const [i, Class] of [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d].entries())
    if (module instanceof Class) return [affine([`Conv${i + 1}DTranspose`], module, fromKernel, toKernel)];
  if (module instanceof BatchNorm)
    return [
      plain(
        ['BatchNormalization'],
        [
          ['gamma', module.weight],
          ['beta', module.bias],
          ['moving_mean', module.runningMean],
          ['moving_variance', module.runningVar],
        ],
      ),
    ];
  if (module instanceof nn.LayerNorm || module instanceof nn.GroupNorm)
    return [
      plain(
        [module instanceof nn.LayerNorm ? 'LayerNormalization' : 'GroupNormalization'],
        [
          ['gamma', module.weight],
          ['beta', module.bias],
        ],
      ),
    ];
  if (module instanceof nn.RMSNorm) return [plain(['RMSNormalization'], [['gamma|scale', module.weight]])];
  if (module instanceof nn.Embedding) return [plain(['Embedding'], [['embeddings', module.weight]])];
  if (module instanceof nn.PReLU)
    return [
      {
        classes: ['PReLU'],
        // Keras has a slope for each element of an example; where axes share them, their extents are 1.
        load: (weights) => [[module.weight, weights.take(['alpha'])[0].reshape([-1])]],
        save: () => [{ path: [], arrays: [module.weight.value] }],
      },
    ];
  if (module instanceof nn.LSTM || module instanceof nn.GRU || module instanceof nn.SimpleRNN) {
    const kind = module instanceof nn.LSTM ? 'LSTM' : module instanceof nn.GRU ? 'GRU' : 'SimpleRNN';
    return recurrent(kind, module.cells, module.directions === 2);
  }
  if (module instanceof nn.MultiHeadAttention) return [attention(module)];
  return null;
}
