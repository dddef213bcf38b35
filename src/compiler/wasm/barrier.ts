import { FunctionCode, type FunctionReference } from './assembler.ts';

/**
 * Where threads meet between kernels: a counter of those that have arrived and the number of meetings so far, which tells
 * them to go on. Whoever waits looks for a while, then sleeps.
 */

/** Every shared memory keeps `barrierBytes` from here on, zero at first, for the barrier; the two words in cache lines of their own. */
export const barrierAddress = 64;
export const barrierBytes = 192;

const arrived = barrierAddress;
/** Where sleepers wait: whoever ends a program early wakes them here. */
export const meetingsAddress = barrierAddress + 64;
const sleepers = barrierAddress + 128;

/**
 * How often to look before sleeping: some 30 microseconds, what a wake-up takes on an idle core. Much less, and threads that
 * sleep make each other sleep at every barrier.
 */
const looks = 50_000;
/**
 * The wasm function `barrier(threads)`, which returns when that many threads have called it; at once for one thread.
 *
 * @param wait what a thread calls that has looked in vain, with the number of meetings so far: it sleeps as well as the thread may (the
 *   main thread of a page may not), returns when the number may have changed or after a while, and throws if the others will never come
 */
export function barrierCode(wait: FunctionReference): FunctionCode {
  const code = new FunctionCode(['i32'], []);
  const meeting = code.declare('i32');
  const left = code.declare('i32');
  const load = (address: number): void => {
    code.i32(address);
    code.memory('i32.atomic.load', 2, 0);
  };
  const add = (address: number, value: number): void => {
    code.i32(address);
    code.i32(value);
    code.memory('i32.atomic.rmw.add', 2, 0);
  };
  /** Leaves the construct `depth` levels out if the others have come. */
  const leaveIfMet = (depth: number): void => {
    load(meetingsAddress);
    code.get(meeting);
    code.op('i32.ne');
    code.branch('br_if', depth);
  };

  code.open('block');
  code.get(0);
  code.i32(2);
  code.op('i32.lt_s');
  code.branch('br_if', 0);
  load(meetingsAddress);
  code.set(meeting);

  // The last to arrive opens the barrier. The counter is back at 0 before anybody can come to the next one.
  add(arrived, 1);
  code.i32(1);
  code.op('i32.add');
  code.get(0);
  code.op('i32.eq');
  code.open('if');
  code.i32(arrived);
  code.i32(0);
  code.memory('i32.atomic.store', 2, 0);
  add(meetingsAddress, 1);
  code.op('drop');
  // Nobody falls asleep unnoticed: a sleeper counts itself first, and does not sleep if the meeting has taken place since.
  load(sleepers);
  code.open('if');
  code.i32(meetingsAddress);
  code.i32(-1);
  code.memory('memory.atomic.notify', 2, 0);
  code.op('drop');
  code.op('end');
  code.branch('br', 1);
  code.op('end');

  code.i32(looks);
  code.set(left);
  code.open('loop');
  leaveIfMet(1);
  code.get(left);
  code.i32(-1);
  code.op('i32.add');
  code.tee(left);
  code.branch('br_if', 0);
  code.op('end');

  code.open('loop');
  add(sleepers, 1);
  code.op('drop');
  code.get(meeting);
  code.call(wait);
  add(sleepers, -1);
  code.op('drop');
  leaveIfMet(1);
  code.branch('br', 0);
  code.op('end');
  code.op('end');
  return code;
}
