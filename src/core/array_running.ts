import { reshape } from '../graph/build.ts';
import type { PrefixKind } from '../graph/vocabulary.ts';
import { type Axis, type Operand, raw } from './array_base.ts';
import type { Ordered } from './array_sorting.ts';
import { StatisticalArray } from './array_statistics.ts';
import {
  cumulativeTrapezoidOf,
  differencesOf,
  type GradientOptions,
  gradientOf,
  type TrapezoidOptions,
  trapezoidOf,
} from './finite_differences.ts';
import { axisOf } from './operands.ts';
import { checkOptions } from './options.ts';
import { logSumsOf, runningExtremeOf, runningOf } from './running.ts';
import type { Tensor } from './tensor.ts';

/** Options of running reductions. */
export interface RunningOptions {
  /** Runs from the last element to the first. */
  reverse?: boolean;
}

/** Options of `diff`. */
export interface DiffOptions {
  /** What comes before the first element: an array that fits but along the axis, or a number. */
  prepend?: Operand;
  /** What comes after the last element. */
  append?: Operand;
}

/** The options of a running reduction. */
const checked = (name: string, options: RunningOptions): RunningOptions => {
  checkOptions(name, options, ['reverse']);
  return options;
};

/** Operations that run along an axis, and differences and sums of neighbours. Without an axis, running ones flatten, as in NumPy. */
export abstract class RunningArray extends StatisticalArray {
  #running(kind: PrefixKind, axis: number | undefined, options: RunningOptions): Tensor {
    const { reverse = false } = checked(`cum${kind}`, options);
    if (axis === undefined) return this.wrap(runningOf(kind, reshape(this.node, [this.size]), 0, reverse));
    return this.wrap(runningOf(kind, this.node, axisOf(`cum${kind}`, axis, this.ndim), reverse));
  }
  /** Running sum, `out[i] = x[0] + .. + x[i]`; bool counts, integers wrap. Long sums of float32 do not lose accuracy. */
  cumsum(axis?: number, options: RunningOptions = {}): Tensor {
    return this.#running('sum', axis, options);
  }
  /** Running product, `out[i] = x[0] * .. * x[i]`; its derivative is right where factors are 0. */
  cumprod(axis?: number, options: RunningOptions = {}): Tensor {
    return this.#running('prod', axis, options);
  }
  /** Running sum with NaN counted as 0. */
  nancumsum(axis?: number, options: RunningOptions = {}): Tensor {
    return this.numbersOr(0).cumsum(axis, options);
  }
  /** Running product with NaN counted as 1. */
  nancumprod(axis?: number, options: RunningOptions = {}): Tensor {
    return this.numbersOr(1).cumprod(axis, options);
  }
  #extreme(kind: 'max' | 'min', axis: number, options: RunningOptions): Ordered {
    const { reverse = false } = checked(`cum${kind}`, options);
    const a = axisOf(`cum${kind}`, axis, this.ndim);
    const [values, indices] = runningExtremeOf(kind, this.node, a, reverse);
    return { values: this.wrap(values), indices: this.wrap(indices) };
  }
  /**
   * Running maximum along an axis and the int32 index of the element that it is: the first of equal ones (PyTorch gives the last). NaN is
   * the maximum from where it occurs.
   */
  cummax(axis: number, options: RunningOptions = {}): Ordered {
    return this.#extreme('max', axis, options);
  }
  /** Running minimum along an axis and the int32 index of the element that it is, as `cummax`. */
  cummin(axis: number, options: RunningOptions = {}): Ordered {
    return this.#extreme('min', axis, options);
  }
  /** `out[i] = log(exp(x[0]) + .. + exp(x[i]))`, safe for large and for very different x. */
  logcumsumexp(axis: number, options: RunningOptions = {}): Tensor {
    const { reverse = false } = checked('logcumsumexp', options);
    return this.wrap(logSumsOf(this.node, axisOf('logcumsumexp', axis, this.ndim), reverse));
  }
  /** Differences of neighbours, `out[i] = x[i + 1] - x[i]`, taken `n` times; of bool whether they differ. */
  diff(n = 1, axis = -1, options: DiffOptions = {}): Tensor {
    checkOptions('diff', options, ['prepend', 'append']);
    const { prepend, append } = options;
    const ends = [prepend, append].map((end) => (end === undefined ? undefined : raw(end)));
    return this.wrap(differencesOf(this.node, n, axisOf('diff', axis, this.ndim), ends[0], ends[1]));
  }
  /** Integral along an axis by the trapezoidal rule: `sum dx (y[i] + y[i + 1]) / 2`. */
  trapezoid(options: TrapezoidOptions = {}): Tensor {
    checkOptions('trapezoid', options, ['x', 'dx', 'axis']);
    return this.wrap(trapezoidOf(this.node, options));
  }
  /** Integrals from the first element to each, by the trapezoidal rule; without the first, which is 0, unless `initial` is given. */
  cumulativeTrapezoid(options: TrapezoidOptions & { initial?: number } = {}): Tensor {
    checkOptions('cumulativeTrapezoid', options, ['x', 'dx', 'axis', 'initial']);
    return this.wrap(cumulativeTrapezoidOf(this.node, options));
  }
  /**
   * Derivatives of a function known at the places of the elements, one array for each axis: central differences of second order inside,
   * one-sided ones at both ends. See NumPy's gradient. (The derivative of a program is `grad`.)
   */
  gradient(axis?: Axis, options: GradientOptions = {}): Tensor[] {
    checkOptions('gradient', options, ['spacing', 'edgeOrder']);
    return gradientOf(this.node, axis, options).map((node) => this.wrap(node));
  }
}
