import { checkOptions } from '../core/options.ts';
import type { Callback, Logs } from './callback.ts';
import { EventWriter } from './events.ts';

/** Options of {@link tensorBoard}. */
export interface TensorBoardOptions {
  /** Steps from one point of the curves of single batches to the next. Default 10; 0 for none. */
  readonly every?: number;
}

/**
 * Writes an event file for TensorBoard (`tensorboard --logdir runs`) into a folder: series `step/loss`, ... of single
 * batches over steps, and `epoch/loss`, `epoch/validationLoss`, ... over epochs. A resumed run adds a file that replaces what
 * was written after its checkpoint.
 *
 * @throws WriteError, in training, if the file cannot be written
 */
export function tensorBoard(folder: string, options: TensorBoardOptions = {}): Callback {
  checkOptions('tensorBoard', options, ['every']);
  const { every = 10 } = options;
  if (!Number.isInteger(every) || every < 0)
    throw new Error(`tensorBoard: every must be an integer from 0 on, got ${every}`);
  let writer: EventWriter | null = null;
  const write = (group: string, logs: Logs, step: number) => {
    for (const [name, value] of Object.entries(logs)) writer?.scalar(`${group}/${name}`, value, step);
  };
  return {
    onBegin: (run) => {
      writer = new EventWriter(folder, run.step > 0 ? { purgeStep: run.step + 1 } : {});
    },
    onStep: (run, { logs }) => {
      if (every > 0 && run.step % every === 0) write('step', logs, run.step);
    },
    onEpochEnd: (run, logs) => {
      // Over steps, too: TensorBoard forgets by step when a run is resumed.
      write('epoch', logs, run.step);
      writer?.flush();
    },
    onFinish: () => {
      writer?.close();
      writer = null;
    },
  };
}
