import { describe, expect, test } from 'vitest';
import { jit, type Tensor, tensor, Variable, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { evaluate, fit } from '../../src/train/index.ts';

const make = () => {
  const model = new nn.Linear(3, 2);
  model.loadStateDict({
    weight: tensor([
      [3, -4, 0],
      [0.5, 0, 0.25],
    ]),
    bias: tensor([10, -10]),
  });
  return model;
};

describe('penalties', () => {
  test('are their formulas, of weights without biases unless chosen', () => {
    const model = make();
    expect(nn.l1Penalty(model, 0.5).item()).toBe(0.5 * 7.75);
    expect(nn.l2Penalty(model, 2).item()).toBe(2 * 25.3125);
    expect(nn.elasticNetPenalty(model, { l1: 1, l2: 2 }).item()).toBe(7.75 + 50.625);
    expect(nn.l2Penalty(model, 1, { choose: (name) => name === 'bias' }).item()).toBe(200);
    expect(nn.l1Penalty([model.bias as Variable], 1).item()).toBe(20);
    expect(nn.elasticNetPenalty(model, { l1: 0, l2: 0 }).item()).toBe(0);
  });

  test('gradients: the l2 penalty is weight decay of SGD, the l1 penalty a sign', () => {
    const model = make();
    const grads = valueAndGrad(() => nn.l2Penalty(model, 0.05), model)[1];
    const optimizer = new optim.SGD(model, { lr: 0.5 });
    optimizer.update(grads);
    const other = make();
    new optim.SGD(other, { lr: 0.5, weightDecay: 0.1 }).update(
      new Map([[other.weight as Variable, other.weight.value.mul(0)]]),
    );
    expect(model.weight.value.toArray()).toEqual(other.weight.value.toArray());
    const signs = valueAndGrad(() => nn.l1Penalty(other, 1), other)[1].get(other.weight) as Tensor;
    expect(signs.toArray()).toEqual([
      [1, -1, 0],
      [1, 0, 1],
    ]);
  });

  test('activations: per example; sparsity is 0 at its aim, and rises beside it', () => {
    const a = tensor([
      [1, -2],
      [0, 3],
    ]);
    expect(nn.activityPenalty(a, { l1: 1, l2: 0.5 }).item()).toBe((6 + 7) / 2);
    const near = tensor([
      [0.1, 0],
      [0, 0.1],
    ]);
    expect(nn.sparsityPenalty(near, 0.05).item()).toBeCloseTo(0, 6);
    const m = 0.3;
    const expected = 0.05 * Math.log(0.05 / m) + 0.95 * Math.log(0.95 / (1 - m));
    expect(nn.sparsityPenalty(tensor([[m]]), 0.05).item()).toBeCloseTo(expected, 5);
    expect(Number.isFinite(nn.sparsityPenalty(tensor([[1, 0]])).item())).toBe(true);
  });

  test('explains wrong use', () => {
    const model = make();
    expect(() => nn.l1Penalty(model, -1)).toThrow(/l1Penalty: l1 must be a number from 0 on, got -1/);
    expect(() => nn.l2Penalty(new nn.ReLU(), 1)).toThrow(/no parameters that it applies to/);
    expect(() => nn.sparsityPenalty(tensor([[1]]), 1)).toThrow(/rho must be between 0 and 1/);
    expect(() => nn.activityPenalty(tensor(1), { l1: 1 })).toThrow(/a first axis/);
    expect(() => nn.activityPenalty(tensor([1]), { l3: 1 } as object)).toThrow(/unknown option 'l3'/);
  });
});

describe('constraints', () => {
  const rows = (model: nn.Linear) => model.weight.value.square().sum(1).sqrt().toArray() as number[];

  test('norms of the weights of each output', () => {
    const model = make();
    nn.constrain(model, nn.constraints.maxNorm(2));
    expect(rows(model)[0]).toBeCloseTo(2, 5);
    expect(rows(model)[1]).toBeCloseTo(Math.sqrt(0.3125), 5);
    const cosine = (model.weight.value.toArray() as number[][])[0];
    expect(cosine[0] / cosine[1]).toBeCloseTo(-0.75, 5);
    nn.constrain(model, nn.constraints.unitNorm());
    expect(rows(model)[1]).toBeCloseTo(1, 5);
    const half = make();
    nn.constrain(half, nn.constraints.minMaxNorm(1, 3, 0.5));
    expect(rows(half)[0]).toBeCloseTo(4, 5);
    expect(rows(half)[1]).toBeCloseTo((1 + Math.sqrt(0.3125)) / 2, 5);
    expect(half.bias?.value.toArray()).toEqual([10, -10]);
  });

  test('kernels: over all axes but the first; weights that are zero stay zero', () => {
    const conv = new nn.Conv2d(2, 3, 3);
    nn.constrain(conv, nn.constraints.unitNorm());
    for (const norm of conv.weight.value.square().sum([1, 2, 3]).sqrt().dataSync())
      expect(norm).toBeCloseTo(1, 5);
    const zero = new Variable(tensor([[0, 0]]));
    nn.constrain([zero], nn.constraints.unitNorm());
    expect(zero.value.toArray()).toEqual([[0, 0]]);
  });

  test('after updates inside of jit', () => {
    const model = make();
    const optimizer = new optim.SGD(model, { lr: 1 });
    const step = jit((x: Tensor) => {
      const [loss, grads] = valueAndGrad(() => model.forward(x).sum(), model);
      optimizer.update(grads);
      nn.constrain(model, nn.constraints.nonNegative());
      nn.constrain(model, nn.constraints.nonNegative(), { choose: (name) => name === 'bias' });
      return loss;
    });
    step(tensor([[1, 1, -1]]));
    expect(model.weight.value.toArray()).toEqual([
      [2, 0, 1],
      [0, 0, 1.25],
    ]);
    expect(model.bias?.value.toArray()).toEqual([9, 0]);
    expect(() => nn.constraints.maxNorm(0)).toThrow(/bound must be positive/);
    expect(() => nn.constraints.minMaxNorm(2, 1)).toThrow(/bounds must rise/);
  });
});

describe('regularizers of layers', () => {
  const x = tensor([
    [1, 2, 3],
    [0, -1, 1],
  ]);

  test('are those of parameters and of what a layer computes, per example', () => {
    const layer = nn.regularize(make(), {
      weight: { l1: 0.5, l2: 2 },
      bias: (b) => b.square().sum().mul(0.1),
    });
    const model = new nn.Sequential(nn.regularize(new nn.Identity(), { activity: { l1: 1 } }), layer);
    const [output, penalty] = nn.regularized(model, () => model.forward(x));
    expect(output.toArray()).toEqual(make().forward(x).toArray());
    expect(penalty?.item()).toBeCloseTo(0.5 * 7.75 + 2 * 25.3125 + 20 + 8 / 2, 4);
    // Without a call of the layer there is no activity; what was computed before does not count.
    expect(nn.regularized(model, () => null)[1]?.item()).toBeCloseTo(0.5 * 7.75 + 2 * 25.3125 + 20, 4);
    expect(nn.regularized(make(), () => make().forward(x))[1]).toBeNull();
  });

  test('a second call replaces the first, also in what is compiled', () => {
    const layer = make();
    const penalty = jit(() => nn.regularized(layer, () => layer.forward(x))[1] ?? tensor(0));
    expect(penalty().item()).toBe(0);
    for (const l1 of [1, 2]) {
      nn.regularize(layer, { activity: { l1 } });
      expect(penalty().item()).toBeCloseTo((l1 * layer.forward(x).abs().sum().item()) / 2, 4);
    }
    nn.regularize(layer, {});
    expect(penalty().item()).toBe(0);
  });

  test('fit and evaluate add them to the loss', async () => {
    const [y, lr] = [tensor([0, 1], { dtype: 'int32' }), 0.01];
    const options = { data: [[x, y]] as [Tensor, Tensor][], loss: nn.crossEntropy, epochs: 3 };
    const layer = nn.regularize(make(), { weight: { l2: 0.03 } });
    const regularized = await fit(layer, { ...options, optimizer: new optim.SGD(layer, { lr }) });
    const plain = make();
    const penalty = () => nn.l2Penalty(plain, 0.03);
    const penalized = await fit(plain, { ...options, penalty, optimizer: new optim.SGD(plain, { lr }) });
    expect(regularized.epochs).toEqual(penalized.epochs);
    expect(layer.weight.value.toArray()).toEqual(plain.weight.value.toArray());
    const evaluated = await evaluate(layer, [[x, y]], { loss: nn.crossEntropy });
    expect(evaluated).toEqual(await evaluate(plain, [[x, y]], { loss: nn.crossEntropy, penalty }));
  });

  test('refuse what there is not', () => {
    expect(() => nn.regularize(make(), { kernel: { l2: 1 } })).toThrow(
      "regularize: Linear has no parameter 'kernel'; regularizers are for weight, bias, activity",
    );
    expect(() => nn.regularize(make(), { weight: { l2: -1 } })).toThrow(/l2 must be a number from 0 on/);
    expect(() => nn.regularize(make(), { weight: { l3: 1 } as never })).toThrow(/unknown option 'l3'/);
  });
});
