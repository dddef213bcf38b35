import { checkOptions } from '../core/options.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { checkMerge, checkUpdate, Metric, type MetricState, type UpdateOptions } from './metric.ts';
import { type ClassOptions, read, readClasses, readMultilabel, readWeights, type Values } from './values.ts';

function checkShapes(name: string, outputs: Tensor, labels: Tensor): void {
  const expected = outputs.shape.slice(0, -1);
  if (outputs.ndim === 0 || String(labels.shape) !== String(expected))
    throw new Error(
      `${name}: outputs [${outputs.shape.join(', ')}] need labels of shape [${expected.join(', ')}], got [${labels.shape.join(', ')}]`,
    );
}

/** The mean of what is true, weighted if there are weights. */
function share(name: string, right: Tensor, weights: Tensor | undefined): Tensor {
  if (weights === undefined) return right.mean();
  if (String(weights.shape) !== String(right.shape))
    throw new Error(
      `${name}: weights must have the shape of the labels, [${right.shape.join(', ')}], got [${weights.shape.join(', ')}]`,
    );
  return right.mul(weights).sum().div(weights.sum());
}

/**
 * Share of examples whose largest output is that of the label: outputs [..., classes] (logits or probabilities), labels [...] of
 * class numbers; a scalar. Of equal outputs the first counts. Made of array operations, so that `fit` can compile it.
 *
 * @param options.weights how much each example counts, shaped like the labels
 * @throws if the shapes do not fit
 */
export function accuracy(outputs: Tensor, labels: Tensor, options: { weights?: Tensor } = {}): Tensor {
  checkShapes('accuracy', outputs, labels);
  return share('accuracy', outputs.argmax(-1).eq(labels), options.weights);
}

/** Options of {@link topKAccuracy}. */
export interface TopKOptions {
  /** Among how many of the largest outputs the label must be. Default 5. */
  readonly k?: number;
}

/**
 * Share of examples whose label is among the k largest outputs: outputs [..., classes], labels [...] of class numbers; a scalar. Of
 * equal outputs the first ones count, so k = 1 is `accuracy`. For `fit` say `{ top5: topKAccuracy }` or `{ top3: (x, y) => topKAccuracy(x, y, { k: 3 }) }`.
 *
 * @throws if the shapes do not fit, or k is not an integer from 1 on
 */
export function topKAccuracy(
  outputs: Tensor,
  labels: Tensor,
  options: TopKOptions & { weights?: Tensor } = {},
): Tensor {
  checkShapes('topKAccuracy', outputs, labels);
  const k = checkK('topKAccuracy', options.k);
  const index = labels.cast('int32').expandDims(-1);
  const own = outputs.takeAlongAxis(index, -1);
  const classes = outputs.shape.at(-1)!;
  const position = tensor(Int32Array.from({ length: classes }, (_, i) => i));
  const before = outputs.gt(own).logicalOr(outputs.eq(own).logicalAnd(position.lt(index)));
  return share('topKAccuracy', before.cast('int32').sum(-1).lt(k), options.weights);
}

function checkK(name: string, k = 5): number {
  if (!Number.isInteger(k) || k < 1)
    throw new RangeError(`${name}: k must be an integer from 1 on, got ${k}`);
  return k;
}

/** A weighted share of examples that are right. */
abstract class Share extends Metric<number> {
  #right = 0;
  #total = 0;

  protected count(right: boolean, weight: number): void {
    if (right) this.#right += weight;
    this.#total += weight;
  }

  /** NaN before the first example. */
  compute(): number {
    return this.#right / this.#total;
  }

  override stateDict(): MetricState {
    return { right: this.#right, total: this.#total };
  }

  override loadStateDict(state: { right: number; total: number }): void {
    this.#right = state.right;
    this.#total = state.total;
  }

  reset(): this {
    this.#right = 0;
    this.#total = 0;
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#right += other.#right;
    this.#total += other.#total;
    return this;
  }
}

/** Options of {@link Accuracy}. */
export interface AccuracyOptions extends ClassOptions {
  /** Each example has several labels, all of which must be right. Default false. */
  readonly multilabel?: boolean;
  /** Examples with this label do not count. Default none. */
  readonly ignoreIndex?: number;
}

/**
 * Share of examples that are right, batch by batch. Outputs are class numbers like the targets, or [..., classes] scores of which the largest counts;
 * with images of class numbers it is pixel accuracy.
 */
export class Accuracy extends Share {
  readonly #options: AccuracyOptions;

  /** @throws TypeError for unknown options */
  constructor(options: AccuracyOptions = {}) {
    super();
    checkOptions('Accuracy', options, ['multilabel', 'ignoreIndex', 'threshold']);
    this.#options = options;
  }

  /** @throws RangeError if the shapes do not fit */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    checkUpdate('Accuracy', options);
    if (this.#options.multilabel) {
      const { predicted, labels, rows, columns } = readMultilabel(
        'Accuracy',
        outputs,
        targets,
        this.#options,
      );
      const weights = readWeights('Accuracy', options.weights, rows);
      for (let row = 0; row < rows; row++) {
        let right = true;
        for (let i = row * columns; i < (row + 1) * columns; i++) right &&= predicted[i] === labels[i];
        this.count(right, weights === null ? 1 : weights[row]);
      }
      return this;
    }
    const { ignoreIndex } = this.#options;
    const { predicted, labels } = readClasses('Accuracy', outputs, targets, this.#options, ignoreIndex);
    const weights = readWeights('Accuracy', options.weights, labels.length);
    for (let i = 0; i < labels.length; i++)
      if (labels[i] !== ignoreIndex)
        this.count(labels[i] === predicted[i], weights === null ? 1 : weights[i]);
    return this;
  }
}

/** Share of examples whose label is among the k largest outputs, batch by batch. Of equal outputs the first ones count. */
export class TopKAccuracy extends Share {
  readonly #k: number;

  /** @throws RangeError if k is not an integer from 1 on */
  constructor(options: TopKOptions = {}) {
    super();
    checkOptions('TopKAccuracy', options, ['k']);
    this.#k = checkK('TopKAccuracy', options.k);
  }

  /**
   * @param outputs scores [..., classes]
   * @param targets class numbers [...]
   * @throws RangeError if the shapes do not fit or a label is not a class
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    checkUpdate('TopKAccuracy', options);
    const { data, shape } = read('TopKAccuracy', outputs);
    const labels = read('TopKAccuracy', targets);
    if (shape.length === 0 || String(shape.slice(0, -1)) !== String(labels.shape))
      throw new RangeError(
        `TopKAccuracy: outputs [${shape.join(', ')}] need labels of shape [${shape.slice(0, -1).join(', ')}], got [${labels.shape.join(', ')}]`,
      );
    const classes = shape.at(-1)!;
    const weights = readWeights('TopKAccuracy', options.weights, labels.data.length);
    for (let i = 0; i < labels.data.length; i++) {
      const label = labels.data[i];
      if (!Number.isInteger(label) || label < 0 || label >= classes)
        throw new RangeError(
          `TopKAccuracy: label ${i} is ${label}; expected an integer from 0 to ${classes - 1}`,
        );
      const own = data[i * classes + label];
      let before = 0;
      for (let j = 0; j < classes; j++) {
        const score = data[i * classes + j];
        if (score > own || (score === own && j < label)) before++;
      }
      this.count(before < this.#k, weights === null ? 1 : weights[i]);
    }
    return this;
  }
}
