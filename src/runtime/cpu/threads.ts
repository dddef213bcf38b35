import { barrierAddress, barrierBytes, meetingsAddress } from '../../compiler/wasm/barrier.ts';
import type { Colleague } from './colleague.ts';
import { nodeColleague } from './node_colleague.ts';
import { maySleep, sleepWhile } from './sleep.ts';
import { warn } from './warn.ts';
import { canStartWebWorkers, webColleague } from './web_colleague.ts';
import {
  controlWords,
  failureCharacters,
  lineBytes,
  type ProgramMessage,
  type WorkerSetup,
} from './worker.ts';

/**
 * Threads that run programs together with the calling one, which is thread 0: it writes a command into each worker's control words,
 * takes its own part, and returns when the program's last barrier has been passed.
 */

const mostThreads = 64;
const failedAddress = barrierAddress + barrierBytes;
const firstLine = failedAddress + 64;
const words = controlWords;

/** A little more than a command takes to come when one program follows another at once. */
const spinMilliseconds = 0.03;
/** Sleepers at a barrier wake up this often to see whether those that they wait for are still there. */
const patienceMilliseconds = 100;
/** How long to wait for the other threads to leave a program that has failed. */
const settleMilliseconds = 2000;

/** Bytes at the start of a shared memory, address 0 included, that belong to `threads` threads. */
export const controlBytes = (threads: number): number => firstLine + lineBytes * (threads - 1);

/** Node's modules, or undefined elsewhere. */
const builtin = typeof process === 'undefined' ? undefined : process.getBuiltinModule;

/**
 * How many threads programs run on: the environment variable NABLA_THREADS (in a browser the global variable of that name), or as
 * many as the machine runs at once, at most 8. One where there are no worker threads that share memory: in pages that are not
 * cross-origin isolated (docs/decisions/browsers.md). Throws if NABLA_THREADS is not a whole number from 1 to 64.
 */
export function threadCount(): number {
  const wanted =
    typeof process === 'undefined'
      ? (globalThis as { NABLA_THREADS?: unknown }).NABLA_THREADS
      : process.env?.NABLA_THREADS;
  const isGiven = wanted !== undefined && wanted !== '';
  const count = isGiven ? Number(wanted) : 1;
  if (!Number.isInteger(count) || count < 1 || count > mostThreads) {
    throw new RangeError(
      `nabla: NABLA_THREADS=${wanted} is not a number of threads; set it to a whole number from 1 to ${mostThreads}, or not at all`,
    );
  }
  if (typeof SharedArrayBuffer === 'undefined' || (builtin === undefined && !canStartWebWorkers())) return 1;
  if (isGiven) return count;
  const available = builtin?.('node:os').availableParallelism() ?? navigator.hardwareConcurrency ?? 1;
  return Math.min(available, 8);
}

/** Runs a program, or one kernel of it, with the argument table at an address. */
export type ThreadedRun = (table: number, kernel?: number) => void;

/** The workers over one shared memory, whose first `controlBytes(threads)` bytes are theirs. */
export class ThreadPool {
  readonly memory: WebAssembly.Memory;
  readonly threads: number;
  readonly #control: Int32Array;
  #colleagues: Colleague[] | null = null;
  #ready = false;
  /** Why there are no workers any more. */
  #failure: string | null = null;
  /** Threads of the program that is running. */
  #running = 1;
  #programs = 0;
  readonly #forgotten = new FinalizationRegistry<number>((program) => this.#post({ program, module: null }));

  /** @param threads from 2 on, the calling one included; workers start when the first program is added that needs them. */
  constructor(memory: WebAssembly.Memory, threads: number) {
    this.memory = memory;
    this.threads = threads;
    this.#control = new Int32Array(memory.buffer, 0, controlBytes(threads) / 4);
  }

  /** What modules import as `env.wait` (`barrierCode`). Throws if a thread that the calling one waits for has failed or ended. */
  readonly wait = (meeting: number): void => {
    // Rounds are counted, not the time: it goes on while the machine is suspended.
    for (let waited = patienceMilliseconds; ; waited += patienceMilliseconds) {
      sleepWhile(this.#control, meetingsAddress / 4, meeting, patienceMilliseconds);
      if (Atomics.load(this.#control, meetingsAddress / 4) !== meeting) return;
      if (Atomics.load(this.#control, failedAddress / 4) !== 0) throw new Error('a worker thread has failed');
      for (const { line, lives } of this.#participants()) {
        if (!lives(this.#control[line + words.alive], waited))
          throw new Error('a worker thread has ended unexpectedly');
      }
    }
  };

  /**
   * The way to run a module that was printed for shared memory.
   *
   * @param exports of the calling thread's own instance
   * @param widths how many chunks each kernel has
   */
  add(module: WebAssembly.Module, exports: WebAssembly.Exports, widths: readonly number[]): ThreadedRun {
    type Entry = (table: number, thread: number, threads: number) => void;
    const run = exports.run as Entry;
    const entries = widths.map((_, i) => exports[`k${i}`] as Entry);
    const most = Math.max(...widths);
    // The functions of `math` are JavaScript, which a worker does not have.
    const foreign = WebAssembly.Module.imports(module).some((entry) => entry.module === 'math');
    if (most < 2 || foreign)
      return (table, kernel) => (kernel === undefined ? run : entries[kernel])(table, 0, 1);
    this.#start();
    const program = this.#programs++;
    this.#post({ program, module });
    const threaded: ThreadedRun = (table, kernel) => {
      const threads = this.#available(kernel === undefined ? most : widths[kernel]);
      const entry = kernel === undefined ? run : entries[kernel];
      if (threads < 2) entry(table, 0, 1);
      else this.#together(threads, program, table, kernel ?? -1, entry);
    };
    this.#forgotten.register(threaded, program);
    return threaded;
  }

  /**
   * Blocks until the workers can run programs; until then, programs run on the calling thread. False if they cannot, and where the
   * calling thread may not block (`untilReady`).
   */
  waitUntilReady(milliseconds = 10_000): boolean {
    const deadline = performance.now() + milliseconds;
    while (this.#colleagues !== null && this.#available(this.threads) < 2) {
      const waiting = this.#colleagues.find(({ line }) => this.#control[line + words.alive] === 0);
      const left = deadline - performance.now();
      if (left <= 0) break;
      if (waiting !== undefined && !maySleep()) break;
      if (waiting !== undefined)
        sleepWhile(this.#control, waiting.line + words.alive, 0, Math.min(left, 100));
    }
    return this.#ready;
  }

  /** As `waitUntilReady`, without blocking: browsers start workers only while a page's thread is free. */
  async untilReady(milliseconds = 10_000): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (this.#colleagues !== null && this.#available(this.threads) < 2 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 1));
    return this.#ready;
  }

  /** Ends the workers; later programs run on the calling thread alone. */
  dispose(): void {
    this.#end('the thread pool was disposed of');
  }

  /** How many threads a program runs on that could use `width` of them. */
  #available(width: number): number {
    if (this.#colleagues === null) return 1;
    this.#ready ||= this.#colleagues.every(({ line, lives }) => {
      const alive = Atomics.load(this.#control, line + words.alive);
      return alive !== 0 && lives(alive, 0);
    });
    return this.#ready ? Math.min(width, this.threads) : 1;
  }

  #participants(): Colleague[] {
    return this.#colleagues?.slice(0, this.#running - 1) ?? [];
  }

  #together(
    threads: number,
    program: number,
    table: number,
    kernel: number,
    entry: (table: number, thread: number, threads: number) => void,
  ): void {
    const control = this.#control;
    const colleagues = this.#colleagues!;
    this.#running = threads;
    for (let i = 0; i < threads - 1; i++) {
      const { line } = colleagues[i];
      control[line + words.program] = program;
      control[line + words.table] = table;
      control[line + words.threads] = threads;
      control[line + words.kernel] = kernel;
      Atomics.add(control, line + words.command, 1);
      Atomics.notify(control, line + words.command);
    }
    try {
      entry(table, 0, threads);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Gets the other threads out of a program that has gone wrong and ends them. */
  #fail(cause: unknown): never {
    const control = this.#control;
    Atomics.compareExchange(control, failedAddress / 4, 0, -1);
    Atomics.notify(control, meetingsAddress / 4);
    const deadline = performance.now() + settleMilliseconds;
    const reports: string[] = [];
    for (const { line, lives } of this.#participants()) {
      for (;;) {
        const done = Atomics.load(control, line + words.done);
        if (done === control[line + words.command] || performance.now() > deadline) break;
        if (!lives(control[line + words.alive], 0)) break;
        sleepWhile(control, line + words.done, done, 20);
      }
    }
    this.#participants().forEach(({ line }, i) => {
      const length = Atomics.load(control, line + words.failureLength);
      if (length === 0) return;
      const text = new Uint8Array(this.memory.buffer, 4 * (line + words.failureText), length);
      reports.push(`worker thread ${i + 1}: ${String.fromCharCode(...text)}`);
    });
    const reason = reports[0] ?? (cause instanceof Error ? cause.message : String(cause));
    this.#end(reason);
    throw new Error(
      `nabla: a program failed while running on ${this.#running} threads: ${reason}. Its results are lost; programs that run ` +
        'from now on use one thread. NABLA_THREADS=1 keeps to one thread from the start.',
      { cause },
    );
  }

  #end(reason: string): void {
    this.#failure = reason;
    for (const { terminate } of this.#colleagues ?? []) terminate();
    this.#colleagues = null;
    this.#ready = false;
  }

  #post(message: ProgramMessage): void {
    for (const { line, post } of this.#colleagues ?? []) {
      post(message);
      Atomics.add(this.#control, line + words.mail, 1);
    }
  }

  #start(): void {
    if (this.#colleagues !== null || this.#failure !== null) return;
    const setups = Array.from(
      { length: this.threads - 1 },
      (_, i): WorkerSetup => ({
        memory: this.memory,
        thread: i + 1,
        line: (firstLine + lineBytes * i) / 4,
        words,
        failureCharacters,
        failed: failedAddress / 4,
        meetings: meetingsAddress / 4,
        spin: spinMilliseconds,
        patience: patienceMilliseconds,
      }),
    );
    const lost = (reason: string): void => {
      if (this.#failure !== null) return;
      this.#end(reason);
      warn(`nabla: ${reason}; programs that run from now on use one thread`);
    };
    const started: Colleague[] = [];
    this.#colleagues = started;
    try {
      const start = builtin === undefined ? webColleague : nodeColleague;
      for (const setup of setups) started.push(start(setup, lost));
    } catch (error) {
      lost(`worker threads cannot be started (${error instanceof Error ? error.message : error})`);
    }
  }
}
