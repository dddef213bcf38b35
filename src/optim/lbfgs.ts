import { checkOptions } from '../core/options.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { isTracing } from '../core/trace.ts';
import type { Gradients, VariableSource } from '../core/transforms.ts';
import { settle, type Variable } from '../core/variable.ts';
import { namedVariables, requireNumber } from './group.ts';
import { type LinePoint, strongWolfe } from './strong_wolfe.ts';

/** Options of {@link LBFGS}. */
export interface LBFGSOptions {
  /** Length of a step, of the first one that a line search tries. Default 1. */
  lr?: number;
  /** Iterations in an update. Default 20. */
  maxIter?: number;
  /** Evaluations in an update, about. Default 1.25 maxIter. */
  maxEval?: number;
  /** An update ends when no component of the gradient is larger. Default 1e-7. */
  toleranceGrad?: number;
  /** An update ends when value or parameters change less. Default 1e-9. */
  toleranceChange?: number;
  /** Pairs of steps and changes of the gradient that are kept. Default 100. */
  historySize?: number;
  /** How the length of a step is found: `strongWolfe`, or none (default). */
  lineSearch?: 'strongWolfe' | null;
}

/** A step, and how the gradient changed along it. */
interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
}

const names = [
  'lr',
  'maxIter',
  'maxEval',
  'toleranceGrad',
  'toleranceChange',
  'historySize',
  'lineSearch',
] as const;

/**
 * The quasi-Newton method of limited memory, for smooth objectives of whole data sets. It evaluates the objective several times in
 * an update, so it takes a function that does so, best a jitted one:
 *
 * ```ts
 * const evaluate = jit(() => valueAndGrad(() => nn.mseLoss(model.forward(x), y), model));
 * const optimizer = new optim.LBFGS(model, { lineSearch: 'strongWolfe' });
 * for (let i = 0; i < 10; i++) console.log(optimizer.update(evaluate));
 * ```
 *
 * What depends on values, such as when to stop, is decided between evaluations, so the update itself cannot be jitted; vectors
 * are kept in double precision. Steps and decisions are those of PyTorch. Liu, Nocedal (1989).
 */
export class LBFGS {
  readonly #options: Required<LBFGSOptions>;
  readonly #names: readonly (readonly [string, Variable])[];
  readonly #size: number;
  #history: Pair[] = [];
  #iterations = 0;
  /** Of the last iteration: direction, length, and the gradient where it began. */
  #direction = new Float64Array(0);
  #length = 0;
  #gradient = new Float64Array(0);

  /**
   * @param source a module or variables; those that are frozen now are left out
   * @throws if there is nothing to optimize, or an option is unknown or out of range
   */
  constructor(source: VariableSource, options: LBFGSOptions = {}) {
    checkOptions('LBFGS', options, names);
    const { lr = 1, maxIter = 20, toleranceGrad = 1e-7, toleranceChange = 1e-9, historySize = 100 } = options;
    const { maxEval = Math.floor(maxIter * 1.25), lineSearch = null } = options;
    requireNumber('LBFGS', 'lr', lr, 0, Number.MAX_VALUE);
    requireNumber('LBFGS', 'toleranceGrad', toleranceGrad, 0, Number.MAX_VALUE);
    requireNumber('LBFGS', 'toleranceChange', toleranceChange, 0, Number.MAX_VALUE);
    for (const [what, n] of Object.entries({ maxIter, maxEval, historySize }))
      if (!Number.isInteger(n) || n < 1)
        throw new Error(`LBFGS: ${what} must be a positive integer, got ${n}`);
    if (lineSearch !== null && lineSearch !== 'strongWolfe')
      throw new Error(`LBFGS: lineSearch must be 'strongWolfe' or null, got '${String(lineSearch)}'`);
    this.#options = { lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearch };
    this.#names = namedVariables(source).filter(([, variable]) => variable.trainable);
    if (this.#names.length === 0) throw new Error('LBFGS: there are no variables to optimize');
    for (const [name, { dtype }] of this.#names)
      if (!dtype.startsWith('float'))
        throw new Error(`LBFGS: '${name}' is ${dtype}; only float variables can be optimized`);
    this.#size = this.#names.reduce((sum, [, variable]) => sum + sizeOf(variable), 0);
  }

  /**
   * Up to `maxIter` iterations.
   *
   * @param evaluate gives the loss and its gradients, as `valueAndGrad(f, model)` does
   * @returns the loss before the update
   * @throws while a function is being recorded, or if gradients are missing
   */
  update(evaluate: () => readonly [Tensor, Gradients]): number {
    if (isTracing())
      throw new Error(
        'LBFGS.update: it decides by values, so it cannot run inside of jit or another transform; jit the function that it is given',
      );
    const { lr, maxIter, maxEval, toleranceGrad, toleranceChange, lineSearch } = this.#options;
    let { value, gradient } = this.#measure(evaluate);
    const before = value;
    let evaluations = 1;
    if (largest(gradient) <= toleranceGrad) return before;
    for (let i = 1; i <= maxIter; i++) {
      const isFirst = this.#iterations++ === 0;
      const direction = isFirst ? gradient.map((g) => -g) : this.#newDirection(gradient);
      const slope = dot(gradient, direction);
      const initial = isFirst ? Math.min(1, 1 / sumOfSizes(gradient)) * lr : lr;
      this.#keep(direction, gradient);
      const former = value;
      this.#length = initial;
      if (slope > -toleranceChange) break;
      if (lineSearch === 'strongWolfe') {
        const start = this.#read();
        const at = (t: number): LinePoint => {
          this.#write(along(start, direction, t));
          const there = this.#measure(evaluate);
          return { t, ...there, slope: dot(there.gradient, direction) };
        };
        const found = strongWolfe(
          at,
          { t: 0, value, gradient, slope },
          {
            first: initial,
            size: largest(direction),
            tolerance: toleranceChange,
            budget: maxEval - evaluations,
          },
        );
        ({ value, gradient } = found.point);
        this.#length = found.point.t;
        evaluations += found.evaluations;
        this.#write(along(start, direction, this.#length));
      } else {
        this.#write(along(this.#read(), direction, this.#length));
        // What the last iteration led to is measured by the next update, maybe on other data.
        if (i === maxIter) break;
        ({ value, gradient } = this.#measure(evaluate));
        evaluations++;
      }
      if (evaluations >= maxEval || largest(gradient) <= toleranceGrad) break;
      if (largest(direction) * Math.abs(this.#length) <= toleranceChange) break;
      if (Math.abs(value - former) < toleranceChange) break;
    }
    return before;
  }

  /** Steps and changes of the past as arrays, and where the last iteration was. */
  stateDict(): Record<string, Tensor> {
    const wide = (values: readonly number[] | Float64Array) => tensor([...values], { dtype: 'float64' });
    const rows = (key: keyof Pair) =>
      wide(this.#history.flatMap((pair) => [...pair[key]])).reshape([this.#history.length, this.#size]);
    return {
      iterations: tensor(this.#iterations, { dtype: 'int32' }),
      length: tensor(this.#length, { dtype: 'float64' }),
      direction: wide(this.#direction),
      gradient: wide(this.#gradient),
      steps: rows('step'),
      changes: rows('change'),
    };
  }

  /**
   * Restores what `stateDict` gave.
   *
   * @throws if it is of other parameters
   */
  loadStateDict(state: Record<string, Tensor>): void {
    const keys = ['iterations', 'length', 'direction', 'gradient', 'steps', 'changes'];
    const missing = keys.filter((key) => state[key] === undefined);
    if (missing.length > 0)
      throw new Error(`loadStateDict: does not fit LBFGS: missing: ${missing.join(', ')}`);
    const { iterations, length, direction, gradient, steps, changes } = state;
    const sizes = [direction.shape[0], gradient.shape[0], steps.shape[1], changes.shape[1]];
    if (iterations.item() > 0 && sizes.some((size) => size !== this.#size))
      throw new Error(
        `loadStateDict: does not fit LBFGS: vectors of ${sizes.join(', ')} elements, needed are ${this.#size}`,
      );
    this.#iterations = iterations.item();
    this.#length = length.item();
    this.#direction = Float64Array.from(direction.dataSync());
    this.#gradient = Float64Array.from(gradient.dataSync());
    const rows = (table: Tensor) =>
      Array.from({ length: table.shape[0] }, (_, i) => Float64Array.from(table.at(i).dataSync()));
    const [before, after] = [rows(steps), rows(changes)];
    this.#history = before.map((step, i) => ({ step, change: after[i] }));
  }

  /** Remembers where an iteration begins and where it goes. */
  #keep(direction: Float64Array, gradient: Float64Array): void {
    this.#direction = Float64Array.from(direction);
    this.#gradient = Float64Array.from(gradient);
  }

  /** The last step enters the history, where the curvature along it is positive; then -Hg by the two loops. */
  #newDirection(gradient: Float64Array): Float64Array {
    const step = this.#direction.map((d) => d * this.#length);
    const change = gradient.map((g, i) => g - this.#gradient[i]);
    if (dot(change, step) > 1e-10) {
      if (this.#history.length === this.#options.historySize) this.#history.shift();
      this.#history.push({ step, change });
    }
    const last = this.#history.at(-1);
    let q = gradient.map((g) => -g);
    const shares = new Array<number>(this.#history.length);
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const pair = this.#history[i];
      shares[i] = dot(pair.step, q) / dot(pair.change, pair.step);
      q = along(q, pair.change, -shares[i]);
    }
    const scale = last === undefined ? 1 : dot(last.change, last.step) / dot(last.change, last.change);
    q = q.map((x) => x * scale);
    this.#history.forEach((pair, i) => {
      q = along(q, pair.step, shares[i] - dot(pair.change, q) / dot(pair.change, pair.step));
    });
    return q;
  }

  #measure(evaluate: () => readonly [Tensor, Gradients]): { value: number; gradient: Float64Array } {
    const [loss, grads] = evaluate();
    const gradient = new Float64Array(this.#size);
    let offset = 0;
    for (const [name, variable] of this.#names) {
      const part = grads.get(variable);
      if (part === undefined) throw new Error(`LBFGS.update: the function gives no gradient for '${name}'`);
      gradient.set(part.dataSync() as ArrayLike<number>, offset);
      offset += sizeOf(variable);
    }
    return { value: loss.item(), gradient };
  }

  #read(): Float64Array {
    settle(this.#names.map(([, variable]) => variable));
    const values = new Float64Array(this.#size);
    let offset = 0;
    for (const [, variable] of this.#names) {
      values.set(variable.value.dataSync() as ArrayLike<number>, offset);
      offset += sizeOf(variable);
    }
    return values;
  }

  #write(values: Float64Array): void {
    let offset = 0;
    for (const [, variable] of this.#names) {
      const part = values.slice(offset, offset + sizeOf(variable));
      offset += part.length;
      variable.assign(tensor([...part], { dtype: variable.dtype }).reshape(variable.shape));
    }
  }
}

const sizeOf = (variable: Variable): number => variable.shape.reduce((size, extent) => size * extent, 1);

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** a + t b. */
const along = (a: Float64Array, b: Float64Array, t: number): Float64Array<ArrayBuffer> =>
  Float64Array.from(a, (x, i) => x + t * b[i]);

const largest = (a: Float64Array): number => a.reduce((top, x) => Math.max(top, Math.abs(x)), 0);

const sumOfSizes = (a: Float64Array): number => a.reduce((sum, x) => sum + Math.abs(x), 0);
