import { afterEach, describe, expect, test, vi } from 'vitest';

/** The library as it is when it is loaded with NABLA_DEBUG set. */
async function loadedWith(levels: string) {
  vi.stubEnv('NABLA_DEBUG', levels);
  vi.resetModules();
  return import('../../src/index.ts');
}

describe('NABLA_DEBUG', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.resetModules();
  });

  test('origins: errors name lines', async () => {
    const { debug, jit, ones } = await loadedWith('origins');
    expect(debug()).toEqual({ origins: true, numerics: false });
    const f = jit((x: ReturnType<typeof ones>) => x.sum().item());
    expect(() => f(ones([2]))).toThrow(/made at .*debug_environment\.test\.ts:\d+:\d+/);
  });

  test('numerics: everything is checked, and variables that a jitted step would update keep their contents', async () => {
    const { debug, jit, tensor, Variable } = await loadedWith('graphs,numerics');
    expect(debug()).toEqual({ origins: true, numerics: true });
    expect(() => tensor([1, 0]).log().dataSync()).toThrow(
      /checkNumerics: log made -Infinity at \[1\] from 0.*Made at .*debug_environment\.test\.ts/,
    );
    const v = new Variable(tensor([1]));
    const step = jit((x: ReturnType<typeof tensor>) => v.assign(v.value.div(x)));
    step(tensor([2]));
    expect(() => step(tensor([0]))).toThrow(/div made Infinity/);
    step(tensor([2]));
    expect(v.value.item()).toBe(0.25);
  });

  test('anything else: neither', async () => {
    const { debug } = await loadedWith('1');
    expect(debug()).toEqual({ origins: false, numerics: false });
  });
});
