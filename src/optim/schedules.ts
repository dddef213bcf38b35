import { checkOptions } from '../core/options.ts';
import { Tensor, where } from '../core/tensor.ts';

/**
 * Learning rates as functions of the number of updates so far, 0 before the first. They take numbers and scalar arrays, so they serve
 * outside of `jit` (`optimizer.lr = schedule(i)`) and inside: as `lr` of an optimizer they are computed in the compiled step itself,
 * `new optim.Adam(model, { lr: optim.schedules.cosine(1e-3, 10000) })`.
 *
 * Names and formulas are those of torch.optim.lr_scheduler, with the initial rate as first argument.
 */

/** A rate by the number of updates. */
export interface Schedule {
  (step: number): number;
  (step: Tensor): Tensor;
}

/** A number or an array, as a schedule's formula computes with it. */
interface Quantity<Q> {
  add(other: Q | number): Q;
  mul(other: Q | number): Q;
  div(other: Q | number): Q;
  /** `base` to the power of this. */
  powerOf(base: number): Q;
  pow(exponent: number): Q;
  cos(): Q;
  floor(): Q;
  abs(): Q;
  min(bound: number): Q;
  max(bound: number): Q;
  /** `before` where this is less than `bound`, else `after`. */
  below(bound: number | Q, before: Q, after: Q): Q;
  constant(value: number): Q;
}

/** Quantities over JavaScript's numbers. */
class Plain implements Quantity<Plain> {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
  add = (other: Plain | number) => new Plain(this.value + plain(other));
  mul = (other: Plain | number) => new Plain(this.value * plain(other));
  div = (other: Plain | number) => new Plain(this.value / plain(other));
  powerOf = (base: number) => new Plain(base ** this.value);
  pow = (exponent: number) => new Plain(this.value ** exponent);
  cos = () => new Plain(Math.cos(this.value));
  floor = () => new Plain(Math.floor(this.value));
  abs = () => new Plain(Math.abs(this.value));
  min = (bound: number) => new Plain(Math.min(this.value, bound));
  max = (bound: number) => new Plain(Math.max(this.value, bound));
  below = (bound: Plain | number, before: Plain, after: Plain) =>
    this.value < plain(bound) ? before : after;
  constant = (value: number) => new Plain(value);
}
const plain = (x: Plain | number): number => (typeof x === 'number' ? x : x.value);

/** Quantities over scalar arrays. */
class Recorded implements Quantity<Recorded> {
  readonly value: Tensor;
  constructor(value: Tensor) {
    this.value = value;
  }
  add = (other: Recorded | number) => new Recorded(this.value.add(recorded(other)));
  mul = (other: Recorded | number) => new Recorded(this.value.mul(recorded(other)));
  div = (other: Recorded | number) => new Recorded(this.value.div(recorded(other)));
  powerOf = (base: number) =>
    base === 0
      ? new Recorded(where(this.value.eq(0), this.value.mul(0).add(1), 0))
      : new Recorded(this.value.mul(Math.log(base)).exp());
  pow = (exponent: number) => new Recorded(this.value.pow(exponent));
  cos = () => new Recorded(this.value.cos());
  floor = () => new Recorded(this.value.floor());
  abs = () => new Recorded(this.value.abs());
  min = (bound: number) => new Recorded(this.value.minimum(bound));
  max = (bound: number) => new Recorded(this.value.maximum(bound));
  below = (bound: Recorded | number, before: Recorded, after: Recorded) =>
    new Recorded(where(this.value.lt(recorded(bound)), before.value, after.value));
  constant = (value: number) => new Recorded(this.value.mul(0).add(value));
}
const recorded = (x: Recorded | number): Tensor | number => (typeof x === 'number' ? x : x.value);

type Formula = <Q extends Quantity<Q>>(step: Q) => Q;

const formulas = new WeakMap<object, Formula>();

/** A schedule from its formula. */
function schedule(formula: Formula): Schedule {
  const rate = ((step: number | Tensor) =>
    step instanceof Tensor
      ? formula(new Recorded(step.dtype.startsWith('float') ? step : step.cast('float32'))).value
      : formula(new Plain(step)).value) as Schedule;
  formulas.set(rate, formula);
  return rate;
}

/** The formula of a schedule of this file. */
function formulaOf(name: string, rate: Schedule): Formula {
  const formula = formulas.get(rate);
  if (formula === undefined)
    throw new TypeError(
      `schedules.${name}: it takes schedules that were made by functions of optim.schedules`,
    );
  return formula;
}

function requirePositive(name: string, what: string, value: number): void {
  if (typeof value !== 'number' || !(value > 0 && value < Infinity))
    throw new Error(`schedules.${name}: ${what} must be a positive number, got ${value}`);
}

/** Always `lr`. */
export const constant = (lr: number): Schedule => schedule((step) => step.constant(lr));

/** `factor · lr` for the first `steps` updates, then `lr`. ConstantLR, where factor is 1/3 and steps 5 by default. */
export const reducedStart = (lr: number, steps = 5, factor = 1 / 3): Schedule =>
  schedule((step) => step.below(steps, step.constant(lr * factor), step.constant(lr)));

/**
 * Along a line from `from · lr` to `to · lr` within `steps` updates, then stays. LinearLR.
 *
 * @throws if steps is not positive
 */
export function linear(lr: number, steps = 5, options: { from?: number; to?: number } = {}): Schedule {
  checkOptions('schedules.linear', options, ['from', 'to']);
  requirePositive('linear', 'steps', steps);
  const { from = 1 / 3, to = 1 } = options;
  return schedule((step) =>
    step
      .min(steps)
      .mul(((to - from) * lr) / steps)
      .add(from * lr),
  );
}

/**
 * `lr · gamma^⌊step / every⌋`. StepLR.
 *
 * @throws if every is not positive
 */
export function step(lr: number, every: number, gamma = 0.1): Schedule {
  requirePositive('step', 'every', every);
  return schedule((n) => n.div(every).floor().powerOf(gamma).mul(lr));
}

/** `lr · gamma^(number of milestones that are reached)`. MultiStepLR. */
export const multiStep = (lr: number, milestones: readonly number[], gamma = 0.1): Schedule =>
  schedule((n) =>
    [...milestones]
      .sort((a, b) => a - b)
      .reduce((rate, milestone) => n.below(milestone, rate, rate.mul(gamma)), n.constant(lr)),
  );

/** `lr · gamma^step`. ExponentialLR. */
export const exponential = (lr: number, gamma: number): Schedule => schedule((n) => n.powerOf(gamma).mul(lr));

/**
 * `lr / (1 + decay · step)^power`. With power from above 1/2 to 1 it fulfils the conditions of Robbins and Monro (1951) under which
 * stochastic gradient descent converges: the sum of all rates is infinite, that of their squares is not.
 *
 * @throws if decay is not positive
 */
export function inverseTime(lr: number, decay: number, power = 1): Schedule {
  requirePositive('inverseTime', 'decay', decay);
  return schedule((n) => {
    const base = n.mul(decay).add(1);
    return n.constant(lr).div(power === 1 ? base : base.pow(power));
  });
}

/**
 * `(lr - end) (1 - step / steps)^power + end` for `steps` updates, then `end`. PolynomialLR, whose end is 0.
 *
 * @throws if steps is not positive
 */
export function polynomial(
  lr: number,
  steps: number,
  options: { power?: number; end?: number } = {},
): Schedule {
  checkOptions('schedules.polynomial', options, ['power', 'end']);
  requirePositive('polynomial', 'steps', steps);
  const { power = 1, end = 0 } = options;
  return schedule((n) => {
    const rest = n.min(steps).div(-steps).add(1);
    return (power === 1 ? rest : rest.pow(power)).mul(lr - end).add(end);
  });
}

/** From a to b along half a wave, as `share` goes from 0 to 1. */
const wave = <Q extends Quantity<Q>>(share: Q, a: number, b: number): Q =>
  share
    .mul(Math.PI)
    .cos()
    .mul((a - b) / 2)
    .add((a + b) / 2);

/**
 * `end + (lr - end) (1 + cos(π step / steps)) / 2` for `steps` updates, then `end`. CosineAnnealingLR, which would rise again.
 * Loshchilov, Hutter (2016).
 *
 * @throws if steps is not positive
 */
export function cosine(lr: number, steps: number, end = 0): Schedule {
  requirePositive('cosine', 'steps', steps);
  return schedule((n) => wave(n.min(steps).div(steps), lr, end));
}

/**
 * Cosine periods one after the other: the first has `first` updates, each further one `factor` times as many.
 * CosineAnnealingWarmRestarts. Loshchilov, Hutter (2016).
 *
 * @throws if first is not positive or factor below 1
 */
export function cosineRestarts(
  lr: number,
  first: number,
  options: { factor?: number; end?: number } = {},
): Schedule {
  checkOptions('schedules.cosineRestarts', options, ['factor', 'end']);
  const { factor = 1, end = 0 } = options;
  requirePositive('cosineRestarts', 'first', first);
  if (!(factor >= 1))
    throw new Error(`schedules.cosineRestarts: factor must be a number from 1 on, got ${factor}`);
  return schedule((n) => {
    if (factor === 1) {
      const periods = n.div(first);
      return wave(periods.add(periods.floor().mul(-1)), lr, end);
    }
    // Period k begins at first (factor^k - 1) / (factor - 1). A choice per period: logarithms would round wrongly at the starts.
    let share = n.div(first);
    for (let start = first, length = first * factor; start < 2 ** 31; start += length, length *= factor)
      share = n.below(start, share, n.add(-start).div(length));
    return wave(share, lr, end);
  });
}

/**
 * Rises along a line from `from` (default 0) times the first rate of `after` to that rate within `steps` updates, then follows
 * `after`, which begins there. Goyal et al. (2017).
 *
 * ```ts
 * schedules.warmup(500, schedules.cosine(1e-3, 9500));
 * ```
 *
 * @throws if steps is not positive
 */
export function warmup(steps: number, after: Schedule, options: { from?: number } = {}): Schedule {
  checkOptions('schedules.warmup', options, ['from']);
  requirePositive('warmup', 'steps', steps);
  return sequence([linear(after(0), steps, { from: options.from ?? 0 }), after], [steps]);
}

/**
 * Schedules one after the other: number i + 1 takes over at `milestones[i]`, and begins there. SequentialLR.
 *
 * @throws if there is not one milestone between each two schedules, or they do not rise
 */
export function sequence(parts: readonly Schedule[], milestones: readonly number[]): Schedule {
  const rising = milestones.every((m, i) => m > (milestones[i - 1] ?? 0));
  if (parts.length === 0 || milestones.length !== parts.length - 1 || !rising)
    throw new Error(
      `schedules.sequence: ${parts.length} schedules need ${Math.max(0, parts.length - 1)} milestones that rise, got [${milestones.join(', ')}]`,
    );
  const all = parts.map((part) => formulaOf('sequence', part));
  return schedule((n) =>
    milestones.reduce(
      (rate, milestone, i) => n.below(milestone, rate, all[i + 1](n.add(-milestone).max(0))),
      all[0](n),
    ),
  );
}

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** Share of the updates in which the rate rises. Default 0.3. */
  risingShare?: number;
  /** Shape of rise and fall. Default `cos`. */
  anneal?: 'cos' | 'linear';
  /** The first rate is maxLr / divFactor. Default 25. */
  divFactor?: number;
  /** The last rate is the first / finalDivFactor. Default 1e4. */
  finalDivFactor?: number;
  /** Falls to the first rate as fast as it rose, then to the last. Default false. */
  threePhase?: boolean;
}

/**
 * One rise and one fall: from maxLr / divFactor to maxLr and to nearly nothing within `steps` updates. OneCycleLR with
 * cycle_momentum false. Smith, Topin (2017).
 *
 * @throws if steps is not an integer from 2 on, or an option is unknown
 */
export function oneCycle(maxLr: number, steps: number, options: OneCycleOptions = {}): Schedule {
  checkOptions('schedules.oneCycle', options, [
    'risingShare',
    'anneal',
    'divFactor',
    'finalDivFactor',
    'threePhase',
  ]);
  const { risingShare = 0.3, anneal = 'cos', threePhase = false } = options;
  const { divFactor = 25, finalDivFactor = 1e4 } = options;
  if (!Number.isInteger(steps) || steps < 2)
    throw new Error(`schedules.oneCycle: steps must be an integer from 2 on, got ${steps}`);
  if (!(risingShare > 0 && risingShare < (threePhase ? 0.5 : 1)))
    throw new Error(
      `schedules.oneCycle: risingShare must be between 0 and ${threePhase ? 0.5 : 1}, got ${risingShare}`,
    );
  if (anneal !== 'cos' && anneal !== 'linear')
    throw new Error(`schedules.oneCycle: anneal must be 'cos' or 'linear', got '${String(anneal)}'`);
  const first = maxLr / divFactor;
  const last = first / finalDivFactor;
  const peak = risingShare * steps - 1;
  const corners: [at: number, rate: number][] = [
    [0, first],
    [peak, maxLr],
    ...(threePhase ? [[2 * peak, first] as [number, number]] : []),
    [steps - 1, last],
  ];
  return schedule((n) => {
    const within = n.min(steps - 1);
    const pieces = corners.slice(1).map(([end, b], i) => {
      const [start, a] = corners[i];
      const share = within.add(-start).div(end - start);
      return anneal === 'cos' ? wave(share, a, b) : share.mul(b - a).add(a);
    });
    return pieces
      .slice(1)
      .reduce((rate, piece, i) => within.below(corners[i + 1][0], rate, piece), pieces[0]);
  });
}

/** Options of {@link cyclic}. */
export interface CyclicOptions {
  /** Updates in which the rate rises. Default 2000. */
  stepsUp?: number;
  /** Updates in which it falls. Default stepsUp. */
  stepsDown?: number;
  /** Whether cycles stay as they are, halve in height, or shrink by gamma^step. Default `triangular`. */
  mode?: 'triangular' | 'triangular2' | 'expRange';
  /** Of `expRange`. Default 1. */
  gamma?: number;
}

/**
 * Up and down between two rates along lines, again and again. CyclicLR with cycle_momentum false. Smith (2015).
 *
 * @throws if an option is unknown or out of range
 */
export function cyclic(baseLr: number, maxLr: number, options: CyclicOptions = {}): Schedule {
  checkOptions('schedules.cyclic', options, ['stepsUp', 'stepsDown', 'mode', 'gamma']);
  const { stepsUp = 2000, mode = 'triangular', gamma = 1 } = options;
  const { stepsDown = stepsUp } = options;
  requirePositive('cyclic', 'stepsUp', stepsUp);
  requirePositive('cyclic', 'stepsDown', stepsDown);
  if (!['triangular', 'triangular2', 'expRange'].includes(mode))
    throw new Error(
      `schedules.cyclic: mode must be 'triangular', 'triangular2' or 'expRange', got '${String(mode)}'`,
    );
  return schedule((n) => {
    const cycles = n.div(stepsUp + stepsDown);
    const cycle = cycles.floor();
    const at = n.add(cycle.mul(-(stepsUp + stepsDown)));
    const height = at.below(
      stepsUp,
      at.div(stepsUp),
      at
        .add(-stepsUp - stepsDown)
        .mul(-1)
        .div(stepsDown),
    );
    const scaled =
      mode === 'triangular'
        ? height
        : height.mul(mode === 'triangular2' ? cycle.powerOf(0.5) : n.powerOf(gamma));
    return scaled.mul(maxLr - baseLr).add(baseLr);
  });
}
