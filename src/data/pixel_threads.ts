import type { Worker } from 'node:worker_threads';
import { makePixelKernel, type PixelBatch, type PixelKernel, type PixelPlan } from './pixel_kernel.ts';
import { threadsHere } from './worker_pool.ts';

/**
 * Words of the memory that a thread and the main thread share: batches handed over, batches done, 1 once it has ended; then for each
 * batch, going around, the number of its slot and how many images it has. Messages cost more than that.
 */
const [handed, done, ended, queue] = [0, 1, 2, 3];
/** Batches that may wait; a power of two. */
const capacity = 256;

/** A batch in shared memory, computed by one thread. */
export interface PixelSlot extends PixelBatch {
  readonly thread: PixelThread;
  readonly plan: PixelPlan;
  /** What the thread knows it by. */
  readonly number: number;
  count: number;
  /** Its last batch among those of its thread; 0: none yet. */
  turn: number;
}

/** Tells a thread of a slot. */
interface Message {
  readonly slot: number;
  readonly plan: PixelPlan;
  readonly batch: Omit<PixelBatch, 'count'>;
}

// Runs in the thread, which needs no file of its own next to the compiled or the bundled library. It waits in Atomics.wait, not in
// an event loop: so it begins within microseconds.
const program = (): string => `
const { workerData, receiveMessageOnPort } = require('node:worker_threads');
const { control, port, words: [handed, done, ended, queue], capacity } = workerData;
process.on('exit', () => { Atomics.store(control, ended, 1); Atomics.notify(control, done); });
const compute = ((__name) => (${makePixelKernel})())((f) => f);
const slots = new Map();
for (let finished = 0; ; finished++) {
  while (Atomics.load(control, handed) === finished) Atomics.wait(control, handed, finished);
  const entry = queue + 2 * (finished & (capacity - 1));
  const slot = control[entry], count = control[entry + 1];
  while (!slots.has(slot)) {
    const received = receiveMessageOnPort(port);
    if (received === undefined) Atomics.wait(control, ended, 0, 1);
    else slots.set(received.message.slot, received.message);
  }
  const { plan, batch } = slots.get(slot);
  if (count === 0) slots.delete(slot);
  else compute(plan, { ...batch, count });
  Atomics.store(control, done, finished + 1);
  Atomics.notify(control, done);
}`;

let slots = 0;

/** A thread that computes images, one batch after the other. */
class PixelThread {
  readonly #control = new Int32Array(new SharedArrayBuffer(4 * (queue + 2 * capacity)));
  readonly #tell: (message: Message) => void;
  #turns = 0;

  constructor(threads: typeof import('node:worker_threads')) {
    const { port1, port2 } = new threads.MessageChannel();
    const worker: Worker = new threads.Worker(program(), {
      eval: true,
      name: 'nabla images',
      workerData: { control: this.#control, port: port2, words: [handed, done, ended, queue], capacity },
      transferList: [port2],
      execArgv: [],
      env: {},
    });
    worker.on('error', () => {});
    // It keeps no process alive.
    worker.unref();
    port1.unref();
    this.#tell = (message) => port1.postMessage(message);
  }

  /** Puts a batch into the queue; one without images makes the thread forget the slot. */
  #post(slot: number, count: number): void {
    for (;;) {
      const seen = Atomics.load(this.#control, done);
      if (this.#turns - seen < capacity || !this.lives) break;
      Atomics.wait(this.#control, done, seen, 1000);
    }
    const entry = queue + 2 * (this.#turns & (capacity - 1));
    this.#control[entry] = slot;
    this.#control[entry + 1] = count;
    this.#turns++;
    Atomics.add(this.#control, handed, 1);
    Atomics.notify(this.#control, handed);
  }

  get lives(): boolean {
    return Atomics.load(this.#control, ended) === 0;
  }

  /**
   * Memory for batches of up to `count` images, each of `outSize` elements in the end. With `images`, which must be in shared memory, a
   * batch has positions in them; else it has bytes of its own.
   */
  slot(plan: PixelPlan, count: number, outSize: number, images: Uint8Array | null): PixelSlot {
    const size = plan.height * plan.width * plan.channels;
    const bytes = images ?? new Uint8Array(new SharedArrayBuffer(Math.ceil((count * size) / 4) * 4));
    const positions = images === null ? null : new Int32Array(new SharedArrayBuffer(4 * count));
    const draws = new Float32Array(new SharedArrayBuffer(4 * count * plan.draws));
    const out = new Float32Array(new SharedArrayBuffer(4 * count * outSize));
    return { thread: this, plan, number: slots++, bytes, positions, draws, out, turn: 0, count: 0 };
  }

  /** Begins with what is in the slot. */
  start(slot: PixelSlot): void {
    const { number, plan, count, bytes, positions, draws, out } = slot;
    if (slot.turn === 0) this.#tell({ slot: number, plan, batch: { bytes, positions, draws, out } });
    this.#post(number, count);
    slot.turn = this.#turns;
  }

  /** Waits for it. False when the thread has ended: then its result has to be computed in another way. */
  finish(slot: PixelSlot): boolean {
    for (;;) {
      const seen = Atomics.load(this.#control, done);
      if (seen >= slot.turn) return true;
      if (!this.lives) return false;
      Atomics.wait(this.#control, done, seen, 1000);
    }
  }

  /** The slot is not needed any more; what the thread does with it now has no consequence. */
  free(slot: PixelSlot): void {
    if (slot.turn > 0) this.#post(slot.number, 0);
  }
}

export type { PixelThread };

const running: PixelThread[] = [];

/** The first `count` threads of the process, which all loaders share; fewer where there are none. */
export function pixelThreads(count: number): readonly PixelThread[] {
  const threads = count === 0 ? null : threadsHere();
  if (threads === null) return [];
  for (let i = 0; i < count; i++) {
    if (running[i]?.lives) continue;
    try {
      running[i] = new PixelThread(threads);
    } catch {
      // A process may be denied threads: then the main thread computes.
      return running.slice(0, i);
    }
  }
  return running.slice(0, count);
}

/** The main thread's own. */
export const pixelKernel: PixelKernel = makePixelKernel();
