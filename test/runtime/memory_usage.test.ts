import { describe, expect, test } from 'vitest';
import { debug, jit, memory, ones, type Tensor, tensor, Variable } from '../../src/index.ts';
import { Heap } from '../../src/runtime/cpu/heap.ts';
import type { Storage } from '../../src/runtime/storage.ts';

const megabyte = 2 ** 20;
const quarter = megabyte / 4;

describe('memory()', () => {
  test('counts arrays as they come and go, and the peak', () => {
    const start = memory();
    const x = ones([quarter]).add(1);
    x.dataSync();
    const y = x.mul(2);
    y.dataSync();
    const both = memory();
    expect(both.live - start.live).toBeGreaterThanOrEqual(2 * megabyte);
    expect(both.live - start.live).toBeLessThan(2 * megabyte + 65536);
    expect(both.arrays - start.arrays).toBeGreaterThanOrEqual(2);
    expect(both.peak).toBeGreaterThanOrEqual(both.live);
    expect(both.capacity).toBeGreaterThanOrEqual(both.live);
    x.dispose();
    y.dispose();
    const after = memory({ resetPeak: true });
    expect(both.live - after.live).toBe(2 * megabyte);
    expect(both.arrays - after.arrays).toBe(2);
    expect(after.peak).toBe(both.peak);
    expect(memory().peak).toBe(after.live);
  });

  test('variables that jitted functions update, and the arena', () => {
    const before = memory();
    const state = new Variable(ones([quarter]));
    const update = jit((x: Tensor) => state.assign(state.value.mul(x)));
    update(tensor(2));
    expect(memory().variables - before.variables).toBe(megabyte);
    const product = jit((a: Tensor) => a.matmul(a).matmul(a).sum());
    product(ones([512, 512])).item();
    expect(memory().arena).toBeGreaterThanOrEqual(megabyte);
  });

  test('contents that are replaced outside of jit do not stay', () => {
    const { variables } = memory();
    const state = new Variable(ones([quarter]));
    const update = jit((x: Tensor) => state.assign(state.value.mul(x)));
    // Finalizers do not run in a synchronous loop.
    for (let i = 0; i < 100; i++) {
      update(tensor(2));
      expect(memory().variables - variables).toBe(megabyte);
      state.assign(ones([quarter]));
    }
    expect(memory().variables - variables).toBe(0);
    expect(memory().live).toBeLessThan(80 * megabyte);
  });
});

describe('out of memory', () => {
  test('the message names the largest arrays: type, shape, what they are and where they were made', () => {
    const heap = new Heap(1, 12 * megabyte);
    const named = (length: number, shape: number[], origin: string | null): Storage => {
      const storage = heap.create('float32', length);
      storage.shape = shape;
      storage.origin = origin;
      return storage;
    };
    const big = named(3 * quarter, [3, quarter], 'model.ts:12:3');
    named(3 * quarter, [3, quarter], 'model.ts:12:3');
    const state = named(2 * quarter, [2 * quarter], null);
    heap.pin(state);
    heap.arena(megabyte);
    expect(() => heap.allocate(6 * megabyte)).toThrow(
      [
        'nabla: out of memory: an array or arena of 6 MB does not fit beside the 9 MB in use (limit 12 MB). ' +
          'Use smaller batches, or dispose of arrays. The largest now:',
        '  6 MB: 2 times float32[3, 262144], made at model.ts:12:3',
        '  2 MB: float32[524288], content of a variable',
        '  1 MB: space for intermediate values of programs',
      ].join('\n'),
    );
    // It works on.
    big.release();
    expect(heap.allocate(2 * megabyte)).toBeGreaterThan(0);
    expect(heap.usage()).toMatchObject({ arrays: 2, variables: 2 * megabyte, arena: megabyte });
  });

  test('of an arena: the former one is not used any more', () => {
    const heap = new Heap(1, 4 * megabyte);
    heap.arena(megabyte);
    const { live } = heap.usage();
    expect(() => heap.arena(8 * megabyte)).toThrow(/out of memory/);
    expect(heap.usage()).toMatchObject({ live: live - megabyte, arena: 0 });
    const kept = heap.create('float32', quarter);
    expect(heap.arena(megabyte)).not.toBe(kept.address);
  });

  test('of an eager program: the message has the line of an array, and what was there still works', () => {
    const before = debug({ origins: true });
    try {
      const x = ones([128 * quarter]).add(1);
      x.dataSync();
      const huge = x.reshape([1, 128 * quarter]).add(ones([64, 1]));
      expect(() => huge.dataSync()).toThrow(
        /out of memory: an array or arena of 8192 MB .*\(limit 4096 MB\)[\s\S]*128 MB: float32\[33554432\], made at .*memory_usage\.test\.ts:\d+/,
      );
      expect(x.at(5).item()).toBe(2);
      expect(x.mul(3).at(7).item()).toBe(6);
    } finally {
      debug(before);
    }
  });
});
