import { checkOptions } from '../core/options.ts';
import type { Callback } from './callback.ts';

const hooks: Readonly<Record<keyof Callback, true>> = {
  name: true,
  restore: true,
  onBegin: true,
  state: true,
  restoreState: true,
  onEpochBegin: true,
  onStep: true,
  afterStep: true,
  onValidation: true,
  onValidationEnd: true,
  guardsSteps: true,
  onNotFinite: true,
  onEpochEnd: true,
  afterEpoch: true,
  lastGood: true,
  onFinish: true,
  afterFinish: true,
};

/**
 * A callback of functions. Any object with such functions is one; here a misspelt name is an error:
 * `lambdaCallback({ onEpochEnd: (run, logs) => console.log(run.epoch, logs.loss) })`.
 *
 * @throws TypeError if there is no hook of a name, or something is no function
 */
export function lambdaCallback(functions: Callback): Callback {
  checkOptions('lambdaCallback', functions, Object.keys(hooks));
  for (const [name, value] of Object.entries(functions))
    if (name !== 'name' && name !== 'guardsSteps' && typeof value !== 'function')
      throw new TypeError(`lambdaCallback: ${name} must be a function, got ${typeof value}`);
  return { ...functions };
}
