import { describe, expect, test } from 'vitest';
import { jit, random, type Tensor, tensor, Variable, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';

class Block extends nn.Module {
  first = new nn.Linear(2, 3);
  rest = [new nn.Linear(3, 3, { bias: false }), new nn.Linear(3, 1)];
  options = { scale: new Variable(tensor([2])), note: 'not a variable' };
  seen = new nn.Buffer(zeros([], { dtype: 'int32' }), { name: 'seen' });
  forward(x: Tensor): Tensor {
    const y = this.rest[0].forward(this.first.forward(x));
    return this.rest[1].forward(y).mul(this.options.scale.value);
  }
}

describe('Module', () => {
  test('finds parameters in fields, arrays and objects, in the order of declaration', () => {
    const model = new Block();
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      'first.weight',
      'first.bias',
      'rest.0.weight',
      'rest.1.weight',
      'rest.1.bias',
      'options.scale',
    ]);
    expect(model.namedBuffers().map(([name]) => name)).toEqual(['seen']);
    expect(model.namedModules().map(([name]) => name)).toEqual(['', 'first', 'rest.0', 'rest.1']);
    expect(Object.keys(model.stateDict())).toContain('seen');
  });

  test('lists tied weights once, under their first name, and loads them under either', () => {
    class Tied extends nn.Module {
      a = new nn.Linear(2, 2, { bias: false });
      b = this.a;
      forward(x: Tensor): Tensor {
        return this.b.forward(this.a.forward(x));
      }
    }
    const model = new Tied();
    expect(model.parameters()).toHaveLength(1);
    expect(Object.keys(model.stateDict())).toEqual(['a.weight']);
    model.loadStateDict({
      'b.weight': tensor([
        [1, 2],
        [3, 4],
      ]),
    });
    expect(model.a.weight.value.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('a module that points back to its owner is searched once', () => {
    class Child extends nn.Module {
      weight = new nn.Parameter(zeros([1]));
      owner: nn.Module | null = null;
      forward(x: Tensor): Tensor {
        return x.add(this.weight.value);
      }
    }
    class Owner extends nn.Module {
      child = new Child();
      forward(x: Tensor): Tensor {
        return this.child.forward(x);
      }
    }
    const owner = new Owner();
    owner.child.owner = owner;
    expect(owner.namedVariables().map(([name]) => name)).toEqual(['child.weight']);
  });

  test('state dicts go round, and say what does not fit', () => {
    random.seed(1);
    const [a, b] = [new Block(), new Block()];
    const x = tensor([[1, 2]]);
    expect(a.forward(x).item()).not.toBe(b.forward(x).item());
    b.loadStateDict(a.stateDict());
    expect(b.forward(x).item()).toBe(a.forward(x).item());

    const { 'first.bias': _, ...rest } = a.stateDict();
    expect(() => b.loadStateDict(rest)).toThrow(/missing: first.bias/);
    expect(() => b.loadStateDict({ ...a.stateDict(), extra: tensor([1]) })).toThrow(/unexpected: extra/);
    expect(() => b.loadStateDict({ ...a.stateDict(), 'first.bias': zeros([4]) })).toThrow(
      /first.bias has shape \[4\], the model needs \[3\]/,
    );
    expect(() => b.loadStateDict({ ...a.stateDict(), seen: zeros([]) })).toThrow(
      /seen is float32, the model needs int32/,
    );
    expect(b.loadStateDict({ ...rest, extra: tensor([1]) }, { strict: false })).toEqual({
      missing: ['first.bias'],
      unexpected: ['extra'],
    });
  });

  test('an error while loading leaves the model as it was', () => {
    const model = new nn.Linear(2, 1);
    const before = model.weight.value.toArray();
    expect(() => model.loadStateDict({ weight: zeros([1, 2]), bias: zeros([7]) })).toThrow(/bias has shape/);
    expect(model.weight.value.toArray()).toEqual(before);
  });

  test('float64 values are accepted for float32 parameters', () => {
    const model = new nn.Linear(1, 1, { bias: false });
    model.loadStateDict({ weight: tensor([[0.1]], { dtype: 'float64' }) });
    expect(model.weight.value.item()).toBe(Math.fround(0.1));
  });

  test('frozen parameters leave parameters() and gradients, not the state dict', () => {
    const model = new Block();
    model.first.freeze();
    expect(model.parameters()).toHaveLength(4);
    expect(model.namedParameters()).toHaveLength(6);
    const [, grads] = valueAndGrad(() => model.forward(tensor([[1, 2]])).sum(), model);
    expect(grads.has(model.first.weight)).toBe(false);
    expect(grads.has(model.rest[1].bias as nn.Parameter)).toBe(true);
    expect(Object.keys(model.stateDict())).toHaveLength(7);
    model.unfreeze();
    expect(model.parameters()).toHaveLength(6);
    expect(model.seen.trainable).toBe(false);
  });

  test('train and eval reach every module; jit compiles again when the mode changes', () => {
    const model = new nn.Sequential(new nn.Linear(4, 4), new nn.Dropout(1));
    let traces = 0;
    const f = jit((x: Tensor) => {
      traces++;
      return model.forward(x).sum();
    });
    const x = tensor([[1, 2, 3, 4]]);
    expect(f(x).item()).toBe(0);
    model.eval();
    const value = f(x).item();
    expect(value).not.toBe(0);
    model.train();
    expect(f(x).item()).toBe(0);
    model.eval();
    expect(f(x).item()).toBe(value);
    expect(traces).toBe(2);
  });

  test('freezing makes a jitted gradient step compile again', () => {
    const model = new nn.Linear(2, 1);
    const step = jit((x: Tensor) => valueAndGrad(() => model.forward(x).sum(), model)[1].size);
    expect(step(zeros([1, 2]))).toBe(2);
    (model.bias as nn.Parameter).trainable = false;
    expect(step(zeros([1, 2]))).toBe(1);
  });
});

describe('Sequential', () => {
  test('chains layers and functions, and names them by numbers', () => {
    const model = new nn.Sequential(new nn.Linear(3, 2), (x) => x.relu(), new nn.Linear(2, 1));
    expect(Object.keys(model.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    const x = tensor([[1, 2, 3]]);
    const [a, b] = [model.layers[0] as nn.Linear, model.layers[2] as nn.Linear];
    expect(model.forward(x).item()).toBe(b.forward(a.forward(x).relu()).item());
  });
});
