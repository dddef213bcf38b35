import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  checkNumerics,
  debug,
  grad,
  jit,
  NumericsError,
  ones,
  random,
  scan,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vmap,
  where,
  whileLoop,
} from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];

/** The message of what `f` throws. */
function messageOf(f: () => unknown): string {
  try {
    f();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

/** The line of this file on which it is called. */
const here = (): number => {
  const line = new Error().stack?.split('\n')[2] ?? '';
  return Number(/debug\.test\.ts:(\d+)/.exec(line)?.[1]);
};
const lineIn = (message: string): number => Number(/debug\.test\.ts:(\d+)/.exec(message)?.[1]);

describe('checkNumerics', () => {
  test('names the operation that first made a NaN, its shapes, the position, the operands and the line', () => {
    let line = 0;
    const f = (x: Tensor) => {
      const shifted = x.sub(3);
      line = here() + 1;
      const root = shifted.sqrt();
      return root.mul(2).sum();
    };
    const message = messageOf(() => checkNumerics(f)(tensor([[4, 5, 2]])));
    expect(message).toContain(
      'checkNumerics: sqrt made NaN at [0, 2] from -1: sqrt(float32[1, 3]) -> float32[1, 3], 1 of 3 elements',
    );
    expect(lineIn(message)).toBe(line);
    expect(() => checkNumerics(jit(f))(tensor([[4, 5, 2]]))).toThrow(NumericsError);
    expect(messageOf(() => checkNumerics(jit(f))(tensor([[4, 5, 2]])))).toContain('sqrt made NaN at [0, 2]');
  });

  test('what is well passes, with the same result', () => {
    const f = (x: Tensor) => [x.exp().sum(), { y: x.log() }] as const;
    const [sum, { y }] = checkNumerics(jit(f))(ones([2]));
    expect([sum.item(), list(y)]).toEqual([f(ones([2]))[0].item(), [0, 0]]);
  });

  test('infinities: made by an operation, or only looked past', () => {
    expect(messageOf(() => checkNumerics((x: Tensor) => x.log())(tensor([1, 0])))).toContain(
      'log made -Infinity at [1] from 0',
    );
    expect(messageOf(() => checkNumerics((x: Tensor) => x.div(0))(tensor([1])))).toContain(
      'div made Infinity at [0] from 1 and 0',
    );
    const past = checkNumerics((x: Tensor) => x.log().exp(), { infinities: false });
    expect(list(past(tensor([1, 0])))).toEqual([1, 0]);
    const overflow = messageOf(() => checkNumerics((x: Tensor) => x.exp().mean())(tensor([100, 1])));
    expect(overflow).toContain('exp made Infinity at [0] from 100');
  });

  test('infinities that are written down are no mistakes; NaN from them is', () => {
    const mask = tensor([true, false]);
    const softmax = checkNumerics((x: Tensor) => {
      const masked = where(mask, x, Number.NEGATIVE_INFINITY);
      const shifted = masked.sub(masked.max()).exp();
      return shifted.div(shifted.sum());
    });
    expect(list(softmax(tensor([3, 5])))).toEqual([1, 0]);
    const none = checkNumerics((x: Tensor) => {
      const masked = where(mask.logicalAnd(false), x, Number.NEGATIVE_INFINITY);
      return masked.sub(masked.max());
    });
    expect(messageOf(() => none(tensor([3, 5])))).toContain(
      'sub made NaN at [0] from -Infinity and -Infinity',
    );
  });

  test('a NaN that came in has a name', () => {
    const f = jit((x: Tensor, y: Tensor) => x.add(y));
    expect(messageOf(() => checkNumerics(f)(ones([2]), tensor([0, Number.NaN])))).toContain(
      'array 1 of the arguments, float32[2], has NaN at [1]; no operation here made it',
    );
    const v = new Variable(tensor([Number.NaN]), { name: 'scale' });
    const g = jit((x: Tensor) => x.mul(v.value));
    expect(messageOf(() => checkNumerics(g)(ones([1])))).toContain(
      "the content of Variable 'scale', float32[1]",
    );
  });

  test('derivatives: the operation and the line of the function that was differentiated', () => {
    let line = 0;
    const f = (x: Tensor) => {
      line = here() + 1;
      return x.sqrt().sum();
    };
    for (const gradient of [grad(f), jit(grad(f))]) {
      const message = messageOf(() => checkNumerics(gradient)(tensor([1, 0])));
      expect(message).toMatch(/made Infinity at \[1\]/);
      expect(message).toContain('(in the derivative of sqrt)');
      expect(lineIn(message)).toBe(line);
    }
  });

  test.each(['jitted', 'eager'])(
    'an optimizer step (%s): variables and moments stay as they were',
    (kind) => {
      random.seed(1);
      const model = new nn.Linear(2, 2);
      const optimizer = new optim.Adam(model, { lr: 0.1 });
      const plain = (x: Tensor) => {
        const [loss, grads] = valueAndGrad(() => model.forward(x).abs().exp().sum(), model);
        optimizer.update(grads);
        return loss;
      };
      const step = checkNumerics(kind === 'jitted' ? jit(plain) : plain);
      step(ones([1, 2]));
      const state = () => [
        ...Object.values(model.stateDict()).map(list),
        ...Object.values(optimizer.stateDict()).map(list),
      ];
      const before = state();
      expect(messageOf(() => step(ones([1, 2]).mul(1e6)))).toMatch(/exp made Infinity at \[0, \d\] from \d+/);
      expect(state()).toEqual(before);
      step(ones([1, 2]));
      expect(state()).not.toEqual(before);
    },
  );

  test('of several jitted calls, the first is undone with the others', () => {
    const v = new Variable(tensor([1]));
    const add = jit((x: Tensor) => v.assign(v.value.add(x)));
    add(tensor([1]));
    const both = checkNumerics(() => {
      add(tensor([5]));
      add(tensor([Number.POSITIVE_INFINITY]).mul(0));
    });
    expect(both).toThrow(/mul made NaN/);
    expect(list(v.value)).toEqual([2]);
    add(tensor([1]));
    expect(list(v.value)).toEqual([3]);
  });

  test('as a mode, and back', () => {
    const before = debug({ numerics: true });
    try {
      const x = tensor([0]);
      const y = x.log();
      expect(() => y.item()).toThrow(/log made -Infinity/);
      // Asked again, it fails again.
      expect(() => y.item()).toThrow(/log made -Infinity/);
    } finally {
      debug(before);
    }
    expect(tensor([0]).log().item()).toBe(Number.NEGATIVE_INFINITY);
    expect(debug()).toEqual(before);
  });

  test('mistakes: inside of a transform, and an asynchronous function', () => {
    const inner = checkNumerics((x: Tensor) => x.mul(2).sum());
    expect(() => jit(inner)(ones([2]))).toThrow(/checkNumerics: there are no values inside of jit/);
    expect(() => grad(inner)(ones([2]))).toThrow(/put it around them/);
    expect(() => checkNumerics(async (x: Tensor) => x)(ones([2]))).toThrow(/asynchronous/);
  });
});

describe('origins', () => {
  let before: ReturnType<typeof debug>;
  beforeEach(() => {
    before = debug({ origins: true });
  });
  afterEach(() => {
    debug(before);
  });

  test('a value asked for while recording: the line that made the array', () => {
    let line = 0;
    const f = jit((x: Tensor) => {
      line = here() + 1;
      const total = x.sum();
      return total.item() > 0 ? x : x.neg();
    });
    expect(lineIn(messageOf(() => f(ones([2]))))).toBe(line);
  });

  test('an operation without a derivative: its line, not that of grad', () => {
    let line = 0;
    const f = (x: Tensor) => {
      line = here() + 1;
      const y = whileLoop(
        (c: Tensor) => c.sum().lt(10),
        (c: Tensor) => c.mul(2),
        x,
      );
      return y.sum();
    };
    const gradient = grad(f);
    for (const run of [gradient, jit(gradient)]) {
      const message = messageOf(() => run(ones([2])));
      expect(message).toContain('whileLoop: has no derivative in reverse mode');
      expect(message).toMatch(/; made at .*debug\.test\.ts:\d+:\d+ \(in the derivative of while\)$/);
      expect(lineIn(message)).toBe(line);
    }
  });

  test('under vmap, and for layers the line that calls the model', () => {
    let line = 0;
    const root = vmap((x: Tensor) => {
      line = here() + 1;
      return x.sqrt().sum();
    });
    const message = messageOf(() => checkNumerics(root)(tensor([[1], [-1]])));
    expect(message).toMatch(/sqrt made NaN at \[1, 0\] from -1/);
    expect(message).toContain('(sqrt under vmap)');
    expect(lineIn(message)).toBe(line);
    const layer = new nn.Linear(1, 1);
    layer.weight.assign(tensor([[10]]));
    const model = new nn.Sequential(layer, new nn.ReLU());
    const overflow = (x: Tensor) => {
      line = here() + 1;
      return model.forward(x);
    };
    const second = messageOf(() => checkNumerics(overflow)(tensor([[3e38]])));
    expect(second).toMatch(/contract made Infinity at \[0, 0\]/);
    expect(lineIn(second)).toBe(line);
  });

  test('nothing is recorded when off', () => {
    debug(before);
    expect(messageOf(() => jit((x: Tensor) => x.add(1).item())(ones([1])))).not.toContain('made at');
  });
});

describe('debug.print', () => {
  let lines: string[] = [];
  beforeEach(() => {
    lines = [];
    vi.spyOn(console, 'log').mockImplementation((line: string) => {
      lines.push(line);
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('outside of transforms it prints at once', () => {
    debug.print('x = {}, n = {}', tensor([1, 2]), 3, tensor(0.5));
    debug.print('{} {}', tensor(7, { dtype: 'int32' }));
    const y = tensor([1]).mul(2).print('y').add(1);
    expect(lines).toEqual(['x = tensor([1, 2]), n = 3 0.5', '7 {}', 'y tensor([2])']);
    expect(y.item()).toBe(3);
  });

  test('a jitted function prints at each run, in order, with values; it is recorded once', () => {
    let records = 0;
    const count = new Variable(tensor(0));
    const f = jit((x: Tensor) => {
      records++;
      count.assign(count.value.add(1));
      debug.print('call {}: {}', count.value, x);
      return x.mul(2).print('twice').sum();
    });
    expect([f(tensor([1, 2])).item(), f(tensor([3, 4])).item()]).toEqual([6, 14]);
    expect(lines).toEqual([
      'call 1: tensor([1, 2])',
      'twice tensor([2, 4])',
      'call 2: tensor([3, 4])',
      'twice tensor([6, 8])',
    ]);
    expect(records).toBe(1);
  });

  test('the former content of a variable that the program overwrites', () => {
    const v = new Variable(tensor([1, 2]));
    const step = jit(() => {
      debug.print('{}', v.value);
      v.assign(v.value.mul(10));
      debug.print('{}', v.value);
    });
    step();
    step();
    expect(lines).toEqual(['tensor([1, 2])', 'tensor([10, 20])', 'tensor([10, 20])', 'tensor([100, 200])']);
    expect(list(v.value)).toEqual([100, 200]);
  });

  test('under derivatives it prints the values, once', () => {
    const f = (x: Tensor) => x.square().print('squares').sum();
    expect(list(grad(f)(tensor([1, 2])))).toEqual([2, 4]);
    expect(lines).toEqual(['squares tensor([1, 4])']);
    const g = jit(grad(f));
    expect(list(g(tensor([3])))).toEqual([6]);
    g(tensor([4]));
    expect(lines.slice(1)).toEqual(['squares tensor([9])', 'squares tensor([16])']);
  });

  test('constants and arrays from outside, in a program with nothing else', () => {
    const outside = tensor([5]).mul(2);
    const f = jit(() => {
      debug.print('{} {}', outside, ones([2]));
    });
    f();
    f();
    expect(lines).toEqual(Array(2).fill('tensor([10]) tensor([1, 1])'));
  });

  test('the body of a scan has no values: an error says what to do, and nothing stays broken', () => {
    const f = (xs: Tensor) => scan((c: Tensor, x: Tensor) => [c.add(x).print('c'), null], tensor(0), xs)[0];
    expect(() => f(ones([3]))).toThrow(/debug.print: inside of scan .* print it outside/);
    expect(() => jit(f)(ones([3]))).toThrow(/debug.print: inside of scan/);
    tensor([1]).print();
    expect(lines).toEqual(['tensor([1])']);
  });

  test('under vmap the values of all examples', () => {
    const f = vmap((x: Tensor) => x.mul(2).print('x'));
    f(ones([3]));
    jit(f)(ones([3]));
    expect(lines).toEqual(['x tensor([2, 2, 2])', 'x tensor([2, 2, 2])']);
  });

  test('with checked numerics', () => {
    checkNumerics(jit((x: Tensor) => x.add(1).print('x')))(tensor([1]));
    expect(lines).toEqual(['x tensor([2])']);
  });
});
