import { describe, expect, test } from 'vitest';
import {
  grad,
  jit,
  memory,
  ones,
  random,
  scan,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vmap,
} from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

/** Synchronous loops, in which no finalizer ever runs. `npm run test:long` takes 100,000 rounds; here are fewer. */
const rounds = Number(process.env.NABLA_LEAKS ?? 4000);
const warmUp = Math.min(10_000, rounds / 4);
const allowed = 64 * 2 ** 20;

interface Memory {
  readonly resident: number;
  readonly buffers: number;
  readonly device: number;
}

const now = (): Memory => {
  const { rss, arrayBuffers } = process.memoryUsage();
  return { resident: rss, buffers: arrayBuffers, device: memory().live };
};

/** Runs a loop and measures how memory grew between the end of its warm-up and its end. */
function growth(round: (i: number) => void, times = rounds, warm = warmUp): Memory {
  for (let i = 0; i < warm; i++) round(i);
  const before = now();
  for (let i = warm; i < times; i++) round(i);
  const after = now();
  return {
    resident: after.resident - before.resident,
    buffers: after.buffers - before.buffers,
    device: after.device - before.device,
  };
}

function expectFlat(grown: Memory): void {
  expect(grown.device).toBeLessThan(allowed);
  expect(grown.buffers).toBeLessThan(allowed);
  expect(grown.resident).toBeLessThan(allowed);
}

describe(`memory stays flat over ${rounds} rounds`, () => {
  test('eager operations, each of them read', () => {
    let x = ones([1000]);
    let read = 0;
    const grown = growth(() => {
      x = x.mul(0.5).add(1);
      read += x.dataSync().length;
    });
    expectFlat(grown);
    expect([read, x.at(0).item()]).toEqual([1000 * rounds, 2]);
  });

  test('eager operations that nobody reads', () => {
    let x = ones([1000]);
    expectFlat(
      growth(() => {
        x = x.mul(0.5).add(1);
      }),
    );
    expect(x.at(0).item()).toBe(2);
  });

  test('eager operations with a number that changes', () => {
    const x = ones([1000]);
    let last = 0;
    expectFlat(
      growth((i) => {
        last = x.mul(i).sum().item();
      }),
    );
    expect(last).toBe(1000 * (rounds - 1));
  });

  test('loops and batches outside of jit', () => {
    const xs = ones([4, 100]);
    let total = tensor(0);
    expectFlat(
      growth(
        () => {
          const [sum] = scan((c: Tensor, x: Tensor) => [c.add(x.sum()), null], tensor(0), xs);
          const norms = vmap((x: Tensor) => x.square().sum())(xs);
          total = sum.add(norms.sum());
          total.item();
        },
        rounds / 10,
        warmUp / 10,
      ),
    );
    expect(total.item()).toBe(800);
  });

  test('an eager variable', () => {
    const v = new Variable(ones([1000]));
    expectFlat(growth(() => v.assign(v.value.mul(0.5).add(1))));
    expect(v.value.at(0).item()).toBe(2);
  });

  test('jitted steps with new arguments and results, and state', () => {
    const state = new Variable(ones([1000]));
    const step = jit((x) => {
      state.assign(state.value.mul(0.5).add(x));
      return state.value.mul(2);
    });
    const data = new Float32Array(1000).fill(1);
    expectFlat(growth(() => step(tensor(data))));
    expect(state.value.at(0).item()).toBe(2);
    expect(step(tensor(data)).at(3).item()).toBe(4);
  });

  test('jitted and eager updates of a variable in turns', () => {
    const state = new Variable(ones([1000]));
    const step = jit(() => state.assign(state.value.mul(0.5)));
    expectFlat(
      growth(() => {
        step();
        state.assign(state.value.add(1));
      }),
    );
    expect(state.value.at(0).item()).toBe(2);
  });

  test('jitted training', () => {
    random.seed(0);
    const model = new nn.Sequential(new nn.Linear(8, 16), new nn.ReLU(), new nn.Linear(16, 1));
    const optimizer = new optim.Adam(model, { lr: 1e-3 });
    const step = jit((x, y) => {
      const [loss, grads] = valueAndGrad(() => model.forward(x).sub(y).square().mean(), model);
      optimizer.update(grads);
      return loss;
    });
    const [x, y] = [random.normal([4, 8]), random.normal([4, 1])];
    const first = step(x, y).item();
    expectFlat(growth((i) => (i % 10 === 0 ? step(x, y).item() : step(x, y))));
    expect(step(x, y).item()).toBeLessThan(first);
  });

  test('derivatives outside of jit', () => {
    const v = new Variable(tensor([3, 4]));
    const [times, warm] = [rounds / 10, warmUp / 10];
    expectFlat(
      growth(
        () => {
          const slopes = grad(() => v.value.square().sum(), v);
          v.assign(v.value.sub(slopes.get(v)!.mul(0.01)));
          v.value.dataSync();
        },
        times,
        warm,
      ),
    );
    expect(v.value.abs().max().item()).toBeLessThan(0.1);
  });

  test('a jitted function that fails at each call', () => {
    const state = new Variable(ones([1000]));
    const step = jit((x) => {
      state.assign(state.value.add(x));
      throw new RangeError('inside');
    });
    const x = ones([1000]);
    expectFlat(
      growth(
        () => {
          expect(() => step(x)).toThrow(RangeError);
        },
        rounds / 10,
        warmUp / 10,
      ),
    );
    expect(state.value.at(0).item()).toBe(1);
  });
});
