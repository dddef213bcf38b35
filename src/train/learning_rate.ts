import type { Callback, Run } from './callback.ts';

/**
 * Sets the optimizer's learning rate before each step, as a function of the share of the training that is done: 0 before the
 * first step, (n - 1) / n before the last one of n. `learningRate((done) => 1e-3 * (1 - done))` falls to zero along a line. It
 * depends on the step alone, so a resumed run goes on with the right one.
 *
 * @throws Error, in training, if the data does not tell its number of batches
 */
export function learningRate(schedule: (done: number) => number): Callback {
  const set = (run: Run) => {
    if (run.stepsPerEpoch === null)
      throw new Error(
        'learningRate: the data must have a length: the schedule depends on the number of steps',
      );
    const steps = run.epochs * run.stepsPerEpoch;
    if (run.step < steps) run.optimizer.lr = schedule(run.step / steps);
  };
  return { onBegin: set, onStep: set };
}
