import { full } from '../core/create.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { isTracing } from '../core/trace.ts';
import type { Gradients, VariableSource } from '../core/transforms.ts';
import { settle, Variable } from '../core/variable.ts';
import { namedVariables } from './group.ts';

const stateVariable = (name: string, value: Tensor): Variable =>
  new Variable(value, { name, trainable: false });

/**
 * Adds gradients of parts of a batch up, for batches that do not fit into memory at once. The sums are variables, so that `add`
 * and `take` work inside of `jit`:
 *
 * ```ts
 * const accumulator = new optim.GradientAccumulator(model);
 * const part = jit((x: Tensor, y: Tensor) => {
 *   accumulator.add(valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model)[1]);
 * });
 * const update = jit(() => optimizer.update(accumulator.take()));
 * for (const [x, y] of parts) part(x, y);
 * update();
 * ```
 */
export class GradientAccumulator {
  readonly #sums: ReadonlyMap<Variable, Variable>;
  readonly #weight: Variable;

  /**
   * @param source a module or variables; those that are frozen now are left out
   * @throws if there are no variables
   */
  constructor(source: VariableSource) {
    const named = namedVariables(source).filter(([, variable]) => variable.trainable);
    if (named.length === 0) throw new Error('GradientAccumulator: there are no variables');
    this.#sums = new Map(
      named.map(([name, variable]) => [
        variable,
        stateVariable(`${name}.sum`, full(variable.shape, 0, { dtype: variable.dtype })),
      ]),
    );
    this.#weight = stateVariable('weight', full([], 0));
  }

  /**
   * Adds gradients, times `weight`: where parts differ in size and the loss is a mean, their sizes make the result the gradient of
   * the whole batch. Default 1.
   *
   * @throws if the gradients are not by the variables of this accumulator
   */
  add(grads: Gradients, weight: number | Tensor = 1): void {
    for (const variable of grads.keys())
      if (!this.#sums.has(variable))
        throw new Error(
          `GradientAccumulator.add: there is a gradient for '${variable.name}' [${variable.shape.join(', ')}], which it was not made for`,
        );
    for (const [variable, sum] of this.#sums) {
      const gradient = grads.get(variable);
      if (gradient === undefined)
        throw new Error(`GradientAccumulator.add: there is no gradient for '${variable.name}'`);
      const factor = typeof weight === 'number' ? weight : weight.cast(gradient.dtype);
      sum.assign(sum.value.add(weight === 1 ? gradient : gradient.mul(factor)));
    }
    this.#weight.assign(this.#weight.value.add(typeof weight === 'number' ? weight : weight.cast('float32')));
    this.#settle();
  }

  /** The weighted mean of what was added since the last call, zeros where that is nothing; starts anew. */
  take(): Gradients {
    const total = this.#weight.value;
    const safe = where(total.eq(0), 1, total);
    const means = new Map(
      [...this.#sums].map(([variable, sum]) => [variable, sum.value.div(safe.cast(sum.dtype))]),
    );
    for (const sum of this.#sums.values()) sum.assign(full(sum.shape, 0, { dtype: sum.dtype }));
    this.#weight.assign(full([], 0));
    this.#settle();
    return means;
  }

  /** The sums under the names of their variables, and their `weight`: for checkpoints between two updates. */
  stateDict(): Record<string, Tensor> {
    const cells = [...this.#sums.values(), this.#weight];
    settle(cells);
    return Object.fromEntries(cells.map((cell) => [cell.name, cell.value]));
  }

  /**
   * Restores what `stateDict` gave. On an error nothing has changed.
   *
   * @throws if names or shapes differ
   */
  loadStateDict(state: Record<string, Tensor>): void {
    const cells = [...this.#sums.values(), this.#weight];
    const problems = cells.flatMap(({ name, shape }) => {
      if (state[name] === undefined) return [`missing: ${name}`];
      if (String(state[name].shape) === String(shape)) return [];
      return [`${name} has shape [${state[name].shape.join(', ')}], needed is [${shape.join(', ')}]`];
    });
    for (const name of Object.keys(state))
      if (!cells.some((cell) => cell.name === name)) problems.push(`unexpected: ${name}`);
    if (problems.length > 0)
      throw new Error(
        `loadStateDict: does not fit this GradientAccumulator: ${problems.slice(0, 8).join('; ')}`,
      );
    for (const cell of cells) cell.assign(state[cell.name].cast(cell.dtype));
  }

  #settle(): void {
    if (!isTracing()) settle([...this.#sums.values(), this.#weight]);
  }
}
