import type { MessagePort, Worker } from 'node:worker_threads';
import { DataError } from './dataset.ts';

type Threads = typeof import('node:worker_threads');

/** Node's threads, or null where there are none, or where a thread may not wait for another. */
export function threadsHere(): Threads | null {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') return null;
  return process.getBuiltinModule('node:worker_threads') ?? null;
}

/** Processors that threads here may use; 1 where there are no threads. */
export const processorsHere = (): number =>
  threadsHere() === null ? 1 : process.getBuiltinModule('node:os').availableParallelism();

/** What a worker is to compute. */
export interface Task {
  readonly positions: readonly number[];
  readonly epoch: number;
}

/** What comes back for task `id`: examples, or why there are none. */
type Answer =
  | { readonly id: number; readonly examples: unknown[] }
  | { readonly id: number; readonly failure: string; readonly stack: string };

// Runs in the worker, as text, so that it needs no file of its own next to the compiled or the bundled library. After each answer
// it moves the counter that the main thread waits for; when it ends, for whatever reason, it raises its flag there first.
const program = `
const { workerData } = require('node:worker_threads');
const { port, control, number, module, name, data } = workerData;
const signal = () => { Atomics.add(control, 0, 1); Atomics.notify(control, 0); };
process.on('exit', () => { Atomics.store(control, 1 + number, 1); signal(); });
const answer = (message) => { port.postMessage(message); signal(); };
const loaded = import(module).then((exports) => exports[name]);
loaded.catch(() => {});
port.on('message', async ({ id, positions, epoch }) => {
  let at = null;
  try {
    const example = await loaded;
    const examples = positions.map((position) => example(at = position, epoch, data));
    at = null;
    answer({ id, examples });
  } catch (error) {
    const where = at === null ? '' : 'example ' + at + ' of epoch ' + epoch + ': ';
    answer({ id, failure: where + (error instanceof Error ? error.message : String(error)), stack: String(error && error.stack) });
  }
});
`;

/** Threads that call one function of a module, and whose answers can be waited for. */
export class WorkerPool {
  readonly #threads: Threads;
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * 65));
  readonly #workers: { readonly worker: Worker; readonly port: MessagePort }[];
  readonly #timeout: number;
  readonly #wanted = new Map<number, number>();
  readonly #answers = new Map<number, Answer>();
  #next = 0;

  /**
   * @param count threads, at most 64
   * @param timeout seconds to wait for an answer
   */
  constructor(threads: Threads, count: number, module: string, name: string, data: unknown, timeout: number) {
    this.#threads = threads;
    this.#timeout = timeout;
    this.#workers = Array.from({ length: count }, (_, number) => {
      const { port1, port2 } = new threads.MessageChannel();
      const worker = new threads.Worker(program, {
        eval: true,
        // The program is a script, also where the process runs a module of text.
        execArgv: process.execArgv.filter((flag) => !flag.startsWith('--input-type')),
        workerData: { port: port2, control: this.#control, number, module, name, data },
        transferList: [port2],
      });
      // What goes wrong is told by answers and flags; without a listener it would end the process.
      worker.on('error', () => {});
      // A loader that nobody closes does not keep the process.
      worker.unref();
      return { worker, port: port1 };
    });
  }

  /** Hands a task to the next thread; gives its number. */
  start(task: Task): number {
    const id = this.#next++;
    const at = id % this.#workers.length;
    this.#wanted.set(id, at);
    this.#workers[at].port.postMessage({ id, ...task });
    return id;
  }

  /** Waits for the examples of a task. @throws DataError when the function threw, or its thread ended or does not answer */
  finish(id: number): unknown[] {
    const answer = this.#answerOf(id);
    this.forget(id);
    if ('examples' in answer) return answer.examples;
    const cause = new Error(answer.failure);
    cause.stack = answer.stack;
    throw new DataError(`workerLoader: ${answer.failure}`, { cause });
  }

  #answerOf(id: number): Answer {
    const at = this.#wanted.get(id) ?? 0;
    const end = Date.now() + this.#timeout * 1000;
    for (;;) {
      const seen = Atomics.load(this.#control, 0);
      const hasEnded = Atomics.load(this.#control, 1 + at) === 1;
      this.#collect(at);
      const answer = this.#answers.get(id);
      if (answer !== undefined) return answer;
      if (hasEnded)
        throw new DataError(
          `workerLoader: worker ${at} has ended before its batch was done; its module must neither call process.exit nor use up its memory`,
        );
      const left = end - Date.now();
      if (left <= 0)
        throw new DataError(
          `workerLoader: worker ${at} has not answered for ${this.#timeout} s; does an example take that long? Then raise timeout`,
        );
      Atomics.wait(this.#control, 0, seen, left);
    }
  }

  #collect(at: number): void {
    for (;;) {
      const received = this.#threads.receiveMessageOnPort(this.#workers[at].port);
      if (received === undefined) return;
      const answer = received.message as Answer;
      if (this.#wanted.has(answer.id)) this.#answers.set(answer.id, answer);
    }
  }

  /** The answer to a task is of no interest any more. */
  forget(id: number): void {
    this.#wanted.delete(id);
    this.#answers.delete(id);
  }

  /** Ends all threads. */
  async close(): Promise<void> {
    await Promise.all(
      this.#workers.map(async ({ worker, port }) => {
        port.close();
        await worker.terminate();
      }),
    );
  }
}
