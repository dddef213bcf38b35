import { arange } from '../core/create.ts';
import { Tensor, tensor, where } from '../core/tensor.ts';
import { flatten } from '../core/tree.ts';
import { vmap } from '../core/vmap.ts';
import type { ArrayTree } from '../data/tensor_loader.ts';
import { isFloat } from '../graph/dtype.ts';
import { kindOf } from './data_forms.ts';

/** A function of outputs and targets that gives a scalar, averaged over the examples: `nn.crossEntropy`, or one of your own. */
export type LossFunction<O = Tensor, Y = Tensor> = (outputs: O, targets: Y) => Tensor;

/** A loss as an object, such as `new nn.CrossEntropyLoss()`. */
export interface LossObject {
  forward(outputs: Tensor, targets: Tensor): Tensor;
  /** The losses of the examples [batch, ...], neither summed nor averaged. */
  each?(outputs: Tensor, targets: Tensor): Tensor;
}

/** A loss of all outputs and targets, or losses by name or position, each of its own output and target. */
export type Loss<O = Tensor, Y = Tensor> =
  | LossFunction<O, Y>
  | LossObject
  | { readonly [output: string]: LossFunction | LossObject }
  | readonly (LossFunction | LossObject)[];

/** How much each class counts: by class number; classes that are not named count once. */
export type ClassWeights = readonly number[] | { readonly [label: number]: number };

/** Options of the objective of `fit` and `evaluate`. */
export interface ObjectiveOptions<O = Tensor, Y = Tensor> {
  /** What is made small. With several outputs, losses by output: `{ label: nn.crossEntropy, size: nn.mseLoss }`, which are added. */
  readonly loss?: Loss<O, Y>;
  /** Factors of several losses, by the same names or positions. Default 1 each. */
  readonly lossWeights?: { readonly [output: string]: number } | readonly number[];
  /** With several losses by output. Targets are class numbers, rows of probabilities (the largest counts) or floats 0 and 1. */
  readonly classWeights?: ClassWeights | { readonly [output: string]: ClassWeights };
  /**
   * Divides the weighted sum of the losses of a batch by the sum of the weights, as PyTorch's weighted losses do, instead of by the number of
   * examples, as Keras does. Default false.
   */
  readonly weightedMean?: boolean;
  /**
   * Added to the loss in training and evaluation, as are the penalties that layers have by `nn.regularize`: `() => nn.l2Penalty(model,
   * 1e-4)`.
   */
  readonly penalty?: () => Tensor;
}

/** The objective on a batch. */
export interface ObjectiveValue {
  /** What is made small. */
  readonly loss: Tensor;
  /** The single losses, where there are several. */
  readonly parts: readonly Tensor[];
}

interface Term {
  readonly key: string;
  readonly criterion: LossFunction | LossObject;
  readonly factor: number;
  readonly classWeights: ClassWeights | null;
}

const isCriterion = (value: unknown): value is LossFunction | LossObject =>
  typeof value === 'function' ||
  (typeof value === 'object' && value !== null && typeof (value as LossObject).forward === 'function');

/** What an output is called in logs: `label` gives `labelLoss`, position 0 gives `output0Loss`. */
export const prefixOf = (key: string): string => (/^\d/.test(key) ? `output${key}` : key);
/** `validation` and `loss` as `validationLoss`. */
export const joined = (prefix: string, name: string): string =>
  `${prefix}${name[0].toUpperCase()}${name.slice(1)}`;

/** The loss that a training makes small, with its weights and penalties. */
export class Objective {
  /** Names of the single losses, where there are several. */
  readonly partNames: readonly string[];
  readonly #name: string;
  readonly #single: Term | null;
  readonly #terms: readonly Term[];
  readonly #weightedMean: boolean;
  readonly #penalty: (() => Tensor) | null;

  /** @throws TypeError or Error for options that do not go together */
  constructor(name: string, options: ObjectiveOptions<never, never>) {
    const { loss, lossWeights, classWeights, weightedMean = false, penalty } = options;
    this.#name = name;
    this.#weightedMean = weightedMean;
    this.#penalty = penalty ?? null;
    if (penalty !== undefined && typeof penalty !== 'function')
      throw new TypeError(`${name}: penalty must be a function that gives a scalar, got ${kindOf(penalty)}`);
    if (isCriterion(loss)) {
      if (lossWeights !== undefined)
        throw new Error(`${name}: lossWeights are for several losses, by output; multiply the loss instead`);
      const weights = classWeights === undefined ? null : checkWeights(name, 'classWeights', classWeights);
      this.#single = { key: '', criterion: loss as LossFunction, factor: 1, classWeights: weights };
      this.#terms = [this.#single];
      this.partNames = [];
      return;
    }
    const entries = typeof loss === 'object' && loss !== null ? Object.entries(loss) : [];
    if (entries.length === 0 || !entries.every(([, one]) => isCriterion(one)))
      throw new TypeError(
        `${name}: loss must be a function of outputs and targets, such as nn.crossEntropy, or such functions by output; got ${kindOf(loss)}`,
      );
    const keys = entries.map(([key]) => key);
    const byOutput = (what: string, given: object | undefined): Record<string, unknown> => {
      const wrong = Object.keys(given ?? {}).filter((key) => !keys.includes(key));
      if (wrong.length > 0)
        throw new Error(`${name}: ${what} has ${wrong.join(', ')}, but the losses are ${keys.join(', ')}`);
      return { ...given };
    };
    const factors = byOutput('lossWeights', lossWeights);
    const classes = byOutput('classWeights', classWeights);
    this.#single = null;
    this.#terms = entries.map(([key, criterion]) => {
      const factor = factors[key] ?? 1;
      if (typeof factor !== 'number' || !Number.isFinite(factor))
        throw new Error(`${name}: lossWeights.${key} must be a number, got ${String(factor)}`);
      return {
        key,
        criterion: criterion as LossFunction,
        factor,
        classWeights:
          classes[key] === undefined ? null : checkWeights(name, `classWeights.${key}`, classes[key]),
      };
    });
    this.partNames = keys.map((key) => joined(prefixOf(key), 'loss'));
  }

  /** Names of the outputs that have losses of their own; null where one loss takes all. */
  get outputs(): readonly string[] | null {
    return this.#single === null ? this.#terms.map(({ key }) => key) : null;
  }

  /**
   * The loss of a batch. Made of array operations, to be compiled and differentiated.
   *
   * @param more penalties of layers
   */
  evaluate(
    outputs: unknown,
    targets: unknown,
    weights: ArrayTree | null,
    more: Tensor | null = null,
  ): ObjectiveValue {
    const values = this.#terms.map((term) => {
      const { key, criterion, classWeights } = term;
      const isSingle = term === this.#single;
      const output = isSingle
        ? outputs
        : partOf(this.#name, 'the outputs of the model', outputs, key, this.outputs);
      const target = isSingle ? targets : partOf(this.#name, 'the targets', targets, key, this.outputs);
      const own = this.weights(key, targets, weights);
      const value =
        own === null && classWeights === null
          ? callLoss(criterion, output as Tensor, target as Tensor)
          : this.#weighted(criterion, output, target, own as Tensor);
      return requireScalar(this.#name, isSingle ? 'the loss' : `the loss of ${key}`, value);
    });
    const scaled = values.map((value, i) =>
      this.#terms[i].factor === 1 ? value : value.mul(this.#terms[i].factor),
    );
    const sum = scaled.reduce((a, b) => a.add(b));
    const penalties = [
      ...(this.#penalty === null ? [] : [this.#penalty()]),
      ...(more === null ? [] : [more]),
    ];
    return {
      loss: penalties.reduce(
        (total, penalty) => total.add(requireScalar(this.#name, 'the penalty', penalty)),
        sum,
      ),
      parts: this.#single === null ? values : [],
    };
  }

  /**
   * The weights of a batch for an output ('' for all): those given times those of the classes; null where there are none.
   *
   * @param weights one array for all outputs, or arrays by output
   */
  weights(key: string, targets: unknown, weights: ArrayTree | null): Tensor | null {
    const term = this.#terms.find((one) => one.key === key);
    const own =
      weights === null || weights instanceof Tensor
        ? weights
        : (partOf(this.#name, 'the weights', weights, key, this.outputs) as Tensor);
    if (term === undefined || term.classWeights === null) return own;
    const target =
      term === this.#single ? targets : partOf(this.#name, 'the targets', targets, key, this.outputs);
    if (!(target instanceof Tensor))
      throw new Error(`${this.#name}: classWeights need targets that are one array; give them by output`);
    const classes = weightsOfClasses(target, term.classWeights);
    return own === null ? classes : classes.mul(broadcastLeft(this.#name, own, classes));
  }

  /** By how much a batch counts in means over the epoch, where that is not the number of its examples. */
  totalWeight(targets: unknown, weights: ArrayTree | null): Tensor | null {
    if (!this.#weightedMean || this.#single === null) return null;
    return this.weights('', targets, weights)?.cast('float32').sum() ?? null;
  }

  #weighted(criterion: LossFunction | LossObject, output: unknown, target: unknown, weights: Tensor): Tensor {
    const each = eachLoss(this.#name, criterion, output, target);
    const { ndim } = weights;
    if (String(each.shape.slice(0, ndim)) !== String(weights.shape))
      throw new Error(
        `${this.#name}: weights [${weights.shape.join(', ')}] must have the shape of the losses [${each.shape.join(', ')}] or of its first axes`,
      );
    const trailing = each.shape.map((_, axis) => axis).slice(ndim);
    const losses = trailing.length === 0 ? each : each.mean(trailing);
    const factors = weights.cast(losses.dtype);
    const total = losses.mul(factors);
    if (!this.#weightedMean) return total.mean();
    const sum = factors.sum();
    // A batch of padding alone has no loss.
    return total.sum().div(where(sum.eq(0), 1, sum));
  }
}

/** Weights [batch] for classes [batch, time]: each for all that belongs to its example. */
function broadcastLeft(name: string, weights: Tensor, like: Tensor): Tensor {
  if (String(like.shape.slice(0, weights.ndim)) !== String(weights.shape))
    throw new Error(
      `${name}: weights [${weights.shape.join(', ')}] do not fit targets of ${like.shape.join(', ')} labels`,
    );
  return weights.reshape([...weights.shape, ...like.shape.slice(weights.ndim).map(() => 1)]).cast(like.dtype);
}

const callLoss = (criterion: LossFunction | LossObject, output: Tensor, target: Tensor): Tensor =>
  typeof criterion === 'function' ? criterion(output, target) : criterion.forward(output, target);

/**
 * The losses of single examples: of a function that knows `{ reduction: 'none' }` what that gives, of an object what its `each` gives, and
 * of any other the loss of each example as a batch of its own.
 */
function eachLoss(
  name: string,
  criterion: LossFunction | LossObject,
  output: unknown,
  target: unknown,
): Tensor {
  if (typeof criterion === 'object' && criterion.each !== undefined)
    return criterion.each(output as Tensor, target as Tensor);
  const batch = flatten(output, isTensor, name).leaves[0]?.shape[0];
  if (typeof criterion === 'function') {
    const reduced = criterion as (o: unknown, t: unknown, options: { reduction: 'none' }) => Tensor;
    const each = reduced(output, target, { reduction: 'none' });
    if (each instanceof Tensor && each.ndim > 0 && each.shape[0] === batch) return each;
  }
  const alone = (o: unknown, t: unknown): Tensor =>
    requireScalar(name, 'the loss', callLoss(criterion, asBatch(o) as Tensor, asBatch(t) as Tensor));
  return vmap(alone)(output, target);
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** An example as a batch of one. */
function asBatch(tree: unknown): unknown {
  const { leaves, rebuild } = flatten(tree, isTensor);
  return rebuild(leaves.map((leaf) => leaf.unsqueeze(0)));
}

/** What is said of one output. */
function partOf(
  name: string,
  what: string,
  tree: unknown,
  key: string,
  outputs: readonly string[] | null,
): unknown {
  const part =
    typeof tree === 'object' && tree !== null && !isTensor(tree)
      ? (tree as Readonly<Record<string, unknown>>)[key]
      : undefined;
  if (part === undefined)
    throw new Error(
      outputs === null
        ? `${name}: ${what} must be one array, for there is one loss; got ${kindOf(tree)}`
        : `${name}: there are losses for ${outputs.join(', ')}, but ${what} have no ${key}: got ${kindOf(tree)}`,
    );
  return part;
}

export function requireScalar(name: string, what: string, value: unknown): Tensor {
  if (!isTensor(value))
    throw new TypeError(`${name}: ${what} must be an array, a scalar, got ${kindOf(value)}`);
  if (value.ndim !== 0)
    throw new Error(
      `${name}: ${what} must be a scalar, got shape [${value.shape.join(', ')}]; take its mean() or sum()`,
    );
  if (!isFloat(value.dtype)) throw new Error(`${name}: ${what} must be of floats, got ${value.dtype}`);
  return value;
}

function checkWeights(name: string, what: string, weights: unknown): ClassWeights {
  const entries = typeof weights === 'object' && weights !== null ? Object.entries(weights) : [];
  if (entries.length === 0)
    throw new TypeError(
      `${name}: ${what} must be a list of numbers, or numbers by class; got ${kindOf(weights)}`,
    );
  for (const [label, weight] of entries) {
    if (!/^\d+$/.test(label))
      throw new Error(`${name}: ${what} has '${label}', which is no class number; classes are 0, 1, ...`);
    if (typeof weight !== 'number' || !(weight >= 0 && weight < Infinity))
      throw new Error(`${name}: ${what}[${label}] must be a number from 0 on, got ${String(weight)}`);
  }
  return weights as ClassWeights;
}

/** The weight of the class of each label. */
function weightsOfClasses(targets: Tensor, weights: ClassWeights): Tensor {
  const known = new Map(Object.entries(weights).map(([label, weight]) => [Number(label), weight as number]));
  const classes = Math.max(...known.keys()) + 1;
  const table = tensor(Float32Array.from({ length: classes }, (_, label) => known.get(label) ?? 1));
  const isRows = isFloat(targets.dtype) && targets.ndim > 1 && (targets.shape.at(-1) as number) > 1;
  const labels = isRows ? targets.argmax(-1) : targets.cast('int32');
  const isLabel = labels.unsqueeze(-1).eq(arange(classes));
  const found = where(isLabel, table, 0).sum(-1);
  return where(labels.lt(0).logicalOr(labels.ge(classes)), 1, found);
}
