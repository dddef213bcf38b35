import { type ProgramMessage, workerMain } from './worker.ts';

/** One worker as the calling thread sees it. */
export interface Colleague {
  /** Index of its control words. */
  readonly line: number;
  /** Puts a message into its queue. */
  readonly post: (message: ProgramMessage) => void;
  /**
   * Whether the thread with this sign of life has not ended; to be asked a first time when it is ready. Needs no event loop.
   *
   * @param waited for how many milliseconds nothing has been heard of it
   */
  readonly lives: (alive: number, waited: number) => boolean;
  readonly terminate: () => void;
}

/**
 * The text of `workerMain` as an expression. Some bundlers and loaders wrap functions inside of it in calls that keep their names
 * (esbuild's `keepNames`), which here stand for nothing.
 */
export const workerText = (): string => `((__name) => ${workerMain})((f) => f)`;
