/** Waiting for a word of shared memory to change, wherever the thread may be. */

let may: boolean | null = null;

/** Whether the calling thread may sleep. The main thread of a page may not: browsers forbid it. */
export function maySleep(): boolean {
  if (may === null) {
    try {
      // Returns at once where it is allowed, as the word is not what is waited for.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
      may = true;
    } catch {
      may = false;
    }
  }
  return may;
}

/**
 * Returns when `words[index]` is no longer `value` and somebody says so, or after `milliseconds`. A thread that may not sleep looks
 * at the word all the time.
 */
export function sleepWhile(words: Int32Array, index: number, value: number, milliseconds: number): void {
  if (maySleep()) {
    Atomics.wait(words, index, value, milliseconds);
    return;
  }
  const until = performance.now() + milliseconds;
  while (Atomics.load(words, index) === value && performance.now() < until);
}
