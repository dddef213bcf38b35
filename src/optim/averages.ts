import { full } from '../core/create.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { isTracing } from '../core/trace.ts';
import type { VariableSource } from '../core/transforms.ts';
import { settle, Variable } from '../core/variable.ts';
import { namedVariables, requireNumber } from './group.ts';

const stateVariable = (name: string, value: Tensor): Variable =>
  new Variable(value, { name, trainable: false });

/**
 * An average of a model's parameters over training, which often does better than the last ones. `update` belongs after
 * the optimizer's, inside of `jit` or not:
 *
 * ```ts
 * const average = new optim.ExponentialAverage(model, 0.999);
 * const step = jit((x: Tensor, y: Tensor) => {
 *   optimizer.update(valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model)[1]);
 *   average.update();
 * });
 * const accuracy = average.use(() => measure(model));
 * ```
 *
 * Buffers, such as the statistics of batch normalization, are not averaged: they should be computed anew for averaged weights.
 */
export abstract class WeightAverage {
  readonly #cells: readonly { name: string; variable: Variable; average: Variable }[];
  readonly #updates: Variable;

  /** @throws if there are no variables */
  constructor(source: VariableSource) {
    const named = namedVariables(source);
    if (named.length === 0) throw new Error(`${this.constructor.name}: there are no variables to average`);
    settle(named.map(([, variable]) => variable));
    this.#cells = named.map(([name, variable]) => ({
      name,
      variable,
      average: stateVariable(`${name}.average`, variable.value),
    }));
    this.#updates = stateVariable('updates', full([], 0, { dtype: 'int32' }));
  }

  /** Takes the parameters as they are now into the average. The first call makes them the average. */
  update(): void {
    const before = this.#updates.value;
    for (const { variable, average } of this.#cells) {
      const next = this.next(average.value, variable.value, before.cast(variable.dtype));
      average.assign(where(before.eq(0), variable.value, next));
    }
    this.#updates.assign(before.add(1));
    if (!isTracing()) settle([this.#updates, ...this.#cells.map(({ average }) => average)]);
  }

  /** The average after `count` ≥ 1 updates and one with `value`. */
  protected abstract next(average: Tensor, value: Tensor, count: Tensor): Tensor;

  /** Runs `body` (maybe asynchronous) with the averages in the model, and puts the parameters back. */
  use<R>(body: () => R): R {
    const former = this.#cells.map(({ variable }) => variable.value);
    const restore = () =>
      this.#cells.forEach(({ variable }, i) => {
        variable.assign(former[i]);
      });
    this.copyTo();
    let result: R;
    try {
      result = body();
    } catch (error) {
      restore();
      throw error;
    }
    if (result instanceof Promise) return result.finally(restore) as R;
    restore();
    return result;
  }

  /** Makes the averages the model's parameters, for good. */
  copyTo(): void {
    for (const { variable, average } of this.#cells) variable.assign(average.value);
  }

  /** The averages under the parameters' names, and the number of `updates`. */
  stateDict(): Record<string, Tensor> {
    return {
      updates: this.#updates.value,
      ...Object.fromEntries(this.#cells.map(({ name, average }) => [name, average.value])),
    };
  }

  /**
   * Restores what `stateDict` gave. On an error nothing has changed.
   *
   * @throws if names or shapes differ
   */
  loadStateDict(state: Record<string, Tensor>): void {
    const problems = ['updates', ...this.#cells.map(({ name }) => name)].flatMap((name) =>
      state[name] === undefined ? [`missing: ${name}`] : [],
    );
    for (const { name, average } of this.#cells)
      if (state[name] !== undefined && String(state[name].shape) !== String(average.shape))
        problems.push(
          `${name} has shape [${state[name].shape.join(', ')}], needed is [${average.shape.join(', ')}]`,
        );
    for (const name of Object.keys(state))
      if (name !== 'updates' && !this.#cells.some((cell) => cell.name === name))
        problems.push(`unexpected: ${name}`);
    if (problems.length > 0)
      throw new Error(
        `loadStateDict: does not fit this ${this.constructor.name}: ${problems.slice(0, 8).join('; ')}`,
      );
    this.#updates.assign(state.updates.cast('int32'));
    for (const { name, average } of this.#cells) average.assign(state[name].cast(average.dtype));
  }
}

/** `a ← decay a + (1 - decay) p`: the average of about the last 1 / (1 - decay) updates. Polyak, Juditsky (1992). */
export class ExponentialAverage extends WeightAverage {
  readonly #decay: number;

  /**
   * @param decay share of the former average that is kept
   * @throws if decay is not from 0 to 1
   */
  constructor(source: VariableSource, decay = 0.999) {
    requireNumber('ExponentialAverage', 'decay', decay, 0, 1);
    super(source);
    this.#decay = decay;
  }

  protected next(average: Tensor, value: Tensor): Tensor {
    return average.add(value.sub(average).mul(1 - this.#decay));
  }
}

/** The mean of the parameters at all updates, best at the ends of epochs with a constant or cyclic rate. Izmailov et al. (2018). */
export class StochasticWeightAverage extends WeightAverage {
  protected next(average: Tensor, value: Tensor, count: Tensor): Tensor {
    return average.add(value.sub(average).div(count.add(1)));
  }
}
