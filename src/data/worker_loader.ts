import { checkOptions } from '../core/options.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { type Plan, type PlanOptions, planOf, planOptions } from './batch_loader.ts';
import { DataError } from './dataset.ts';
import { EpochLoader, requirePositive } from './epochs.ts';
import { threadsHere, WorkerPool } from './worker_pool.ts';

/** Computes an example; what it gives must be data that threads can send each other (no functions, no tensors). */
export type ExampleFunction<T> = (position: number, epoch: number, data: never) => T;

/** Options of {@link workerLoader}. */
export interface WorkerLoaderOptions<T, B> extends PlanOptions {
  /** Number of examples. */
  readonly count: number;
  /** Makes a batch of examples, on the main thread. */
  readonly collate: (examples: T[]) => B;
  /** The module's function. Default `example`. */
  readonly name?: string;
  /** Its third argument, such as the path of a file; data that threads can send each other. */
  readonly data?: unknown;
  /** Threads, 0 to 64; 0 computes on the main thread. Default: one less than there are processors, 1 to 4. */
  readonly workers?: number;
  /** Batches that are computed in advance. Default: twice the number of threads. */
  readonly ahead?: number;
  /** Seconds after which a thread that does not answer is an error. Default 120. */
  readonly timeout?: number;
}

/**
 * Batches of examples that threads compute while the main thread trains. Order and contents are those of `workers: 0`, which are a
 * function of positions and epoch, if the module's function is.
 */
export class WorkerLoader<T, B> extends EpochLoader<B> {
  /** Threads in use. */
  readonly workers: number;
  readonly #plan: Plan;
  readonly #collate: (examples: T[]) => B;
  readonly #example: (position: number, epoch: number) => T;
  readonly #open: () => WorkerPool;
  readonly #ahead: number;
  #pool: WorkerPool | null = null;

  /** @internal use {@link workerLoader} */
  constructor(
    plan: Plan,
    collate: (examples: T[]) => B,
    example: (position: number, epoch: number) => T,
    workers: number,
    ahead: number,
    open: () => WorkerPool,
  ) {
    super();
    this.#plan = plan;
    this.#collate = collate;
    this.#example = example;
    this.workers = workers;
    this.#ahead = ahead;
    this.#open = open;
  }

  override get length(): number {
    return this.#plan.length;
  }

  override plan(epoch: number): readonly Int32Array[] {
    return this.#plan.batches(epoch);
  }

  protected override *produce(plan: readonly Int32Array[], epoch: number): Generator<B> {
    if (this.workers === 0) {
      for (const positions of plan)
        yield this.#collate(Array.from(positions, (i) => this.#compute(i, epoch)));
      return;
    }
    const pool = (this.#pool ??= this.#open());
    const started: number[] = [];
    let next = 0;
    try {
      while (next < plan.length || started.length > 0) {
        while (next < plan.length && started.length < this.#ahead)
          started.push(pool.start({ positions: Array.from(plan[next++]), epoch }));
        const examples = pool.finish(started[0]) as T[];
        started.shift();
        yield this.#collate(examples);
      }
    } finally {
      for (const id of started) pool.forget(id);
    }
  }

  #compute(position: number, epoch: number): T {
    try {
      return this.#example(position, epoch);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DataError(`workerLoader: example ${position} of epoch ${epoch}: ${reason}`, { cause: error });
    }
  }

  /** Ends the threads; iterating once more starts others. Threads that nobody ends do not keep the process alive. */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await pool?.close();
  }
}

/**
 * Batches of examples that a module's function computes on threads, ahead of the training: `await workerLoader(new URL('./examples.js',
 * import.meta.url), { count, collate })`, where the module has `export function example(position, epoch, data) { ... }`. Each
 * thread imports the module once. Iteration is synchronous, as `fit` needs it. Where there are no threads (in a browser), the main
 * thread computes.
 *
 * @param module a URL, or what `import()` takes
 * @throws DataError when the module cannot be imported or has no such function; in iterations when that throws, saying for which
 * example, or when a thread ends or hangs
 */
export async function workerLoader<T, B>(
  module: string | URL,
  options: WorkerLoaderOptions<T, B>,
): Promise<WorkerLoader<T, B>> {
  checkOptions('workerLoader', options, [
    ...planOptions,
    'count',
    'collate',
    'name',
    'data',
    'workers',
    'ahead',
    'timeout',
  ]);
  const { count, collate, name = 'example', data, timeout = 120 } = options;
  requirePositive('workerLoader', 'count', count);
  if (typeof collate !== 'function')
    throw new TypeError('workerLoader: collate must be a function that makes a batch of a list of examples');
  if (!(timeout > 0)) throw new RangeError(`workerLoader: timeout must be positive, got ${timeout}`);
  const threads = threadsHere();
  const workers = threads === null ? 0 : (options.workers ?? usual());
  if (!Number.isInteger(workers) || workers < 0 || workers > 64)
    throw new RangeError(`workerLoader: workers must be an integer from 0 to 64, got ${workers}`);
  const ahead = options.ahead ?? Math.max(1, 2 * workers);
  requirePositive('workerLoader', 'ahead', ahead);
  const address = String(module);
  let example: unknown;
  try {
    example = (await import(/* @vite-ignore */ address))[name];
  } catch (error) {
    throw new DataError(`workerLoader: cannot import ${address}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof example !== 'function')
    throw new DataError(`workerLoader: ${address} exports no function '${name}'`);
  const f = example as (position: number, epoch: number, data: unknown) => T;
  return new WorkerLoader<T, B>(
    planOf('workerLoader', address, count, options),
    collate,
    (position, epoch) => f(position, epoch, data),
    workers,
    ahead,
    () => {
      if (threads === null) throw new DataError('workerLoader: there are no threads here');
      return new WorkerPool(threads, workers, address, name, data, timeout);
    },
  );
}

const usual = (): number =>
  Math.max(1, Math.min(4, nodeModule('node:os', 'workerLoader').availableParallelism() - 1));
