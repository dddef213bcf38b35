import { Worker } from 'node:worker_threads';

/** A thread that ends the process when one step takes too long: nothing else can end a loop without end. */
export class Watchdog {
  readonly #shared = new SharedArrayBuffer(4096);
  readonly #words = new Int32Array(this.#shared, 0, 2);
  readonly #text = new Uint8Array(this.#shared, 8);
  readonly #worker: Worker;

  /** @param seconds that a step may take */
  constructor(seconds: number) {
    this.#worker = new Worker(
      `const { workerData: { shared, seconds } } = require('node:worker_threads');
       const words = new Int32Array(shared, 0, 2);
       let [seen, since] = [-1, Date.now()];
       setInterval(() => {
         const step = Atomics.load(words, 0);
         if (step !== seen) { seen = step; since = Date.now(); return; }
         if (Date.now() - since < seconds * 1000) return;
         const text = Buffer.from(new Uint8Array(shared, 8, Atomics.load(words, 1)).slice()).toString();
         require('node:fs').writeSync(2, 'nothing happened for ' + seconds + ' s at: ' + text + '\\n');
         process.kill(process.pid, 'SIGKILL');
       }, 500);`,
      { eval: true, workerData: { shared: this.#shared, seconds } },
    );
    this.#worker.unref();
  }

  /** A step begins; this is what the process says when it does not end. */
  step(what: string): void {
    const { written } = new TextEncoder().encodeInto(what, this.#text);
    Atomics.store(this.#words, 1, written);
    Atomics.add(this.#words, 0, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
