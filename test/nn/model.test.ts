import { describe, expect, test } from 'vitest';
import { concat, jit, type Tensor, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { expectClose } from '../support/close.ts';
import { wave } from './torch_layers.ts';

const x = wave([2, 3], 0);
const y = wave([2, 2], 1);

describe('Model', () => {
  test('several inputs and outputs, branches and functions', () => {
    const [a, b] = [nn.input('a'), nn.input('b')];
    const [left, right, head] = [new nn.Linear(3, 4), new nn.Linear(2, 4), new nn.Linear(8, 1)];
    const both = nn.apply(new nn.Concatenate(), a.to(left).to(nn.relu), b.to(right));
    const model = new nn.Model([a, b], { value: both.to(head), parts: [both, a.to((v) => v.sum())] });
    const { value, parts } = model.forward(x, y);
    const joined = concat([left.forward(x).relu(), right.forward(y)], 1);
    expectClose(value.dataSync(), head.forward(joined).dataSync(), { atol: 1e-6 });
    expectClose(parts[0].dataSync(), joined.dataSync());
    expect(parts[1].item()).toBeCloseTo(x.sum().item(), 5);
    expect(model.namedParameters().map(([name]) => name)).toEqual([
      '0.weight',
      '0.bias',
      '1.weight',
      '1.bias',
      '3.weight',
      '3.bias',
    ]);
  });

  test('a layer that is applied twice is one layer, in one model and between models', () => {
    const layer = new nn.Linear(3, 3);
    const a = nn.input();
    const once = a.to(layer);
    const model = new nn.Model(a, once.to(nn.tanh).to(layer));
    const features = new nn.Model(a, once);
    expect(model.parameters()).toHaveLength(2);
    expectClose(model.forward(x).dataSync(), layer.forward(layer.forward(x).tanh()).dataSync());
    expectClose(features.forward(x).dataSync(), layer.forward(x).dataSync());
    expect(features.parameters()).toEqual(model.parameters());
    const [, gradients] = valueAndGrad(() => model.forward(x).sum(), model);
    const [, direct] = valueAndGrad(() => layer.forward(layer.forward(x).tanh()).sum(), layer);
    expectClose(gradients.get(layer.weight)!.dataSync(), direct.get(layer.weight)!.dataSync(), {
      atol: 1e-6,
    });
  });

  test('layers with several results and options', () => {
    const sequence = nn.input();
    const state = nn.apply(new nn.GRU(3, 4), sequence, null, { lengths: [2] }).to(([, h]) => h);
    const model = new nn.Model(sequence, state);
    expect(model.forward(x.unsqueeze(0)).shape).toEqual([1, 1, 4]);
  });

  test('a value in the middle may be an input', () => {
    const a = nn.input('a');
    const middle = a.to((v) => v.mul(2));
    const rest = new nn.Model(
      middle,
      middle.to((v) => v.add(1)),
    );
    expectClose(rest.forward(x).dataSync(), x.add(1).dataSync());
  });

  test('trains, compiles, and is summed up', () => {
    const [a, b] = [nn.input('a'), nn.input('b')];
    const both = nn.apply(new nn.Bilinear(3, 2, 4), a, b);
    const model = new nn.Model([a, b], both.to(new nn.ReLU()).to(new nn.Linear(4, 1)));
    const optimizer = new optim.Adam(model, { lr: 0.05 });
    const step = jit(() => {
      const [loss, gradients] = valueAndGrad(() => model.forward(x, y).sub(1).square().mean(), model);
      optimizer.update(gradients);
      return loss;
    });
    const first = step().item();
    for (let i = 0; i < 20; i++) step();
    expect(step().item()).toBeLessThan(first);
    const { layers, parameters } = nn.summarize(model, [
      [1, 3],
      [1, 2],
    ]);
    expect(parameters).toBe(4 * 6 + 4 + 5);
    expect(layers.map(({ name, type, output }) => [name, type, output])).toEqual([
      ['0', 'Bilinear', [1, 4]],
      ['1', 'ReLU', [1, 4]],
      ['2', 'Linear', [1, 1]],
    ]);
  });

  test('says what is wrong', () => {
    const [a, b] = [nn.input('a'), nn.input('b')];
    const sum = nn.apply(new nn.Add(), a, b);
    expect(() => new nn.Model(a, sum)).toThrow(/depends on 'b', which is not among the inputs 'a'/);
    expect(() => new nn.Model([a, b], sum).forward(x)).toThrow(/Model: needs 2 inputs \(a, b\), got 1/);
    expect(() => nn.apply(new nn.Add(), x)).toThrow(/none of the arguments is a value of a graph/);
    expect(() => nn.apply(3 as never, a)).toThrow(/needs a layer or a function, got 3/);
    expect(() => new nn.Model([a], [])).toThrow(/no outputs/);
    expect(() => new nn.Model(a, { y: x as never })).toThrow();
  });
});

describe('sharing and freezing', () => {
  test('one variable in two modules is counted once, its gradient is the sum', () => {
    class Tied extends nn.Module {
      readonly embedding = new nn.Linear(4, 3, { bias: false });
      readonly out = new nn.Linear(4, 3, { bias: false });
      constructor() {
        super();
        (this.out as { weight: nn.Parameter }).weight = this.embedding.weight;
      }
      forward(v: Tensor): Tensor {
        return this.embedding.forward(v).mul(this.out.forward(v).square());
      }
    }
    const model = new Tied();
    const v = wave([2, 4], 3);
    expect(model.parameters()).toHaveLength(1);
    expect(nn.summarize(model, [1, 4]).parameters).toBe(12);
    const [, gradients] = valueAndGrad(() => model.forward(v).sum(), model);
    const w = model.embedding.weight.value;
    const [, apart] = valueAndGrad((both: Tensor[]) =>
      v.matmul(both[0].T).mul(v.matmul(both[1].T).square()).sum(),
    )([w, w]) as unknown as [Tensor, Tensor[]];
    expectClose(gradients.get(model.embedding.weight)!.dataSync(), apart[0].add(apart[1]).dataSync(), {
      atol: 1e-5,
    });
  });

  test('a frozen part receives no gradients and no updates, and thaws', () => {
    const [body, head] = [new nn.Linear(3, 4), new nn.Linear(4, 1)];
    const model = new nn.Sequential(body, head);
    body.freeze();
    expect(model.parameters()).toEqual([head.weight, head.bias]);
    const before = [...body.weight.value.dataSync()];
    const optimizer = new optim.SGD(model, { lr: 0.1 });
    const [, gradients] = valueAndGrad(() => model.forward(x).sum(), model);
    expect([...gradients.keys()]).toEqual([head.weight, head.bias]);
    optimizer.update(gradients);
    expect([...body.weight.value.dataSync()]).toEqual(before);
    body.unfreeze();
    expect(model.parameters()).toHaveLength(4);
  });
});
