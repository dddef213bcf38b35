import { describe, expect, test } from 'vitest';
import { jit, ones, random, scope, type Tensor, tensor, Variable } from '../../src/index.ts';
import { heap } from '../../src/runtime/cpu/wasm_program.ts';

const megabytes = (bytes: number) => bytes / 2 ** 20;

describe('memory of the CPU device', () => {
  test('10,000 eager operations in one synchronous loop do not grow it', () => {
    const size = 16384;
    const start = heap().usage().live;
    let x = ones([size]);
    // 640 MB of results in all; each is read, so that it exists.
    for (let i = 0; i < 10_000; i++) {
      x = x.mul(0.5).add(1);
      if (i % 2 === 0) x.dataSync();
    }
    expect(x.at(0).item()).toBeCloseTo(2, 5);
    expect(megabytes(heap().usage().live - start)).toBeLessThan(70);
    expect(megabytes(heap().memory.buffer.byteLength)).toBeLessThan(256);
  });

  test('a chain that is never read is evaluated on the way', () => {
    let x = ones([4]);
    for (let i = 0; i < 5000; i++) x = x.add(1);
    expect(x.node.depth).toBeLessThan(1000);
    expect(x.toArray()).toEqual([5001, 5001, 5001, 5001]);
  });

  test('values survive their eviction', () => {
    const kept = Array.from({ length: 40 }, (_, i) => tensor(new Float32Array(2 ** 20).fill(i)).add(0.5));
    for (const t of kept) t.at(7).item();
    // 160 MB of arrays through a cache of 64.
    kept.forEach((t, i) => {
      expect(t.at(12345).item()).toBe(i + 0.5);
    });
    for (const t of kept) t.dispose();
    expect(() => kept[0].item()).toThrow();
  });

  test('jitted steps keep their state in place', () => {
    const state = new Variable(random.normal([256, 256], { key: random.key(1) }));
    const step = jit((x: Tensor) => {
      state.assign(state.value.mul(0.99).add(x));
      return state.value.sum();
    });
    const x = ones([256, 256]).mul(1e-3);
    for (let i = 0; i < 10; i++) step(x).item();
    const { live } = heap().usage();
    const address = (state.node.stored as { address?: number }).address;
    for (let i = 0; i < 1000; i++) step(x).item();
    expect(heap().usage().live - live).toBeLessThan(2 ** 20);
    expect((state.node.stored as { address?: number }).address).toBe(address);
  });

  test('scope and dispose give memory back at once', () => {
    const before = heap().usage().live;
    const kept = scope(() => {
      const big = random.uniform([2 ** 20], { key: random.key(3) });
      big.at(0).item();
      return big.sum();
    });
    kept.item();
    expect(heap().usage().live - before).toBeLessThan(2 ** 20);
    kept.dispose();
  });
});
