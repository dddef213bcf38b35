import { checkOptions } from '../../core/options.ts';
import type { Tensor } from '../../core/tensor.ts';
import { Module } from '../module.ts';

/** A loss function and its options as a module, so that a model or a table of settings can hold it. It has no parameters. */
export abstract class Loss<I extends readonly Tensor[], O extends { reduction?: string }> extends Module {
  readonly #compute: (...all: [...I, O]) => Tensor;
  /** What the function is given. */
  readonly options: Readonly<O>;

  /** @throws TypeError for unknown options */
  constructor(compute: (...all: [...I, O]) => Tensor, options: O, allowed: readonly string[]) {
    super();
    checkOptions(new.target.name, options, ['reduction', ...allowed]);
    this.#compute = compute;
    this.options = { ...options };
  }

  /** The options hold no parameters. */
  protected override members(): Iterable<readonly [string, unknown]> {
    return [];
  }

  forward(...inputs: I): Tensor {
    return this.#compute(...inputs, this.options as O);
  }

  /** The losses of the single examples or elements: `reduction: 'none'`. */
  each(...inputs: I): Tensor {
    return this.#compute(...inputs, { ...this.options, reduction: 'none' } as O);
  }
}
