import { describe, expect, test } from 'vitest';
import { einsum, grad, ones, random, type Tensor, tensor, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { expectClose } from '../support/close.ts';
import { multiplications } from '../support/multiplications.ts';

const draw = (shape: number[], seed = 0): Tensor => random.normal(shape, { key: random.key(seed) });
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);
const count = (model: nn.Module): number =>
  model.parameters().reduce((sum, parameter) => sum + parameter.value.size, 0);

describe('A04', () => {
  test('A04-01 dense layer: g(XW + b), S_in S_out + S_out parameters, S_in S_out multiplications', () => {
    for (const [inputs, outputs] of [
      [1, 1],
      [2, 4],
      [500, 32],
    ]) {
      const layer = new nn.Linear(inputs, outputs);
      const { parameters, flops } = nn.summarize(layer, [1, inputs]);
      expect(parameters).toBe(inputs * outputs + outputs);
      expect(multiplications([layer.forward(zeros([1, inputs]))])).toBe(inputs * outputs);
      // With the additions, and those of the bias.
      expect(flops).toBe(2 * inputs * outputs + outputs);
    }
    const layer = new nn.Linear(3, 2);
    const w = [
      [1, -2, 0.5],
      [0, 3, -1],
    ];
    layer.loadStateDict({ weight: tensor(w), bias: tensor([0.5, -1]) });
    const a = [
      [1, 2, 4],
      [0, -1, 2],
    ];
    // One example: g(W a + b); a batch: g(X Wᵀ + b), W as rows of units.
    const byHand = a.map((row) =>
      w.map((unit, i) => Math.tanh(unit.reduce((sum, v, k) => sum + v * row[k], [0.5, -1][i]))),
    );
    expectClose(numbers(layer.forward(tensor(a)).tanh()), byHand.flat(), { rtol: 1e-6 });
    expectClose(numbers(layer.forward(tensor(a[0])).tanh()), byHand[0], { rtol: 1e-6 });
    expectClose(
      numbers(
        tensor(a)
          .matmul(tensor(w).transpose())
          .add(tensor([0.5, -1]))
          .tanh(),
      ),
      byHand.flat(),
      { rtol: 1e-6 },
    );
  });

  describe('merges', () => {
    const a = tensor([[1, -2, 3]]);
    const b = tensor([[4, 5, -6]]);
    const c = tensor([[0, 1, 2]]);

    test('A04-09 Add', () => {
      expect(new nn.Add().forward(a, b, c).toArray()).toEqual([[5, 4, -1]]);
      expect(() => new nn.Add().forward(a)).toThrow(/two arrays or more/);
      expect(() => new nn.Add().forward(a, zeros([1, 2]))).toThrow();
    });

    test('A04-10 Subtract', () => {
      expect(new nn.Subtract().forward(a, b).toArray()).toEqual([[-3, -7, 9]]);
    });

    test('A04-11 Multiply', () => {
      expect(new nn.Multiply().forward(a, b).toArray()).toEqual([[4, -10, -18]]);
      // Each input's gradient is the other one.
      expect(grad((x: Tensor) => new nn.Multiply().forward(x, b).sum())(a).toArray()).toEqual([[4, 5, -6]]);
    });

    test('A04-12 Average', () => {
      expect(new nn.Average().forward(a, b).toArray()).toEqual([[2.5, 1.5, -1.5]]);
      expectClose(numbers(new nn.Average().forward(a, b, c)), [5 / 3, 4 / 3, -1 / 3], { rtol: 1e-6 });
    });

    test('A04-13 Maximum', () => {
      expect(new nn.Maximum().forward(a, b, c).toArray()).toEqual([[4, 5, 3]]);
    });

    test('A04-14 Concatenate, and in place of the sum of a residual block', () => {
      expect(new nn.Concatenate().forward(a, b).toArray()).toEqual([[1, -2, 3, 4, 5, -6]]);
      expect(new nn.Concatenate(0).forward(a, b).shape).toEqual([2, 3]);
      const x = draw([1, 4, 4, 3]);
      const inner = new nn.Conv2d(3, 5, 3, { padding: 'same' });
      const joined = new nn.Concatenate().forward(x, inner.forward(x));
      expect(joined.shape).toEqual([1, 4, 4, 8]);
      expect(joined.slice(null, null, null, [0, 3]).toArray()).toEqual(x.toArray());
      expect(() => new nn.Concatenate().forward(a, zeros([2, 3]))).toThrow();
    });

    test('A04-15 Dot', () => {
      expect(new nn.Dot().forward(a, b).toArray()).toEqual([[1 * 4 - 2 * 5 - 3 * 6]]);
      const cosine = new nn.Dot({ normalize: true }).forward(a, b).item();
      expect(cosine).toBeCloseTo(-24 / Math.sqrt(14 * 77), 6);
      // [batch, 2, 3] and [batch, 4, 3]: each vector of the one with each of the other.
      const [x, y] = [draw([5, 2, 3], 1), draw([5, 4, 3], 2)];
      expectClose(numbers(new nn.Dot().forward(x, y)), numbers(einsum('nik,njk->nij', x, y)), { atol: 1e-6 });
    });
  });

  test('A04-16 Embedding: (32, 10) to (32, 10, 64) of 1000 symbols; [[4], [20]] to [[.25, .1], [.6, −.2]]', () => {
    const layer = new nn.Embedding(1000, 64);
    expect(count(layer)).toBe(64_000);
    const indices = random.randint([32, 10], 0, 1000, { key: random.key(0) });
    expect(layer.forward(indices).shape).toEqual([32, 10, 64]);
    const table = new nn.Embedding(21, 2);
    const rows = Array.from({ length: 21 }, () => [0, 0]);
    rows[4] = [0.25, 0.1];
    rows[20] = [0.6, -0.2];
    table.loadStateDict({ weight: tensor(rows) });
    const looked = table.forward(tensor([[4], [20]], { dtype: 'int32' }));
    expect(looked.shape).toEqual([2, 1, 2]);
    expectClose(numbers(looked), [0.25, 0.1, 0.6, -0.2], { rtol: 1e-7 });
    // It is the product of one-hot rows with the table, and only the rows that were looked up have a gradient.
    const hot = tensor([[4, 20].map((k) => Array.from({ length: 21 }, (_, i) => (i === k ? 1 : 0)))]).reshape(
      [2, 21],
    );
    expectClose(numbers(hot.matmul(table.weight.value)), numbers(looked));
    const [, grads] = valueAndGrad(() => table.forward(tensor([4, 20, 4], { dtype: 'int32' })).sum(), table);
    const byRow = grads.get(table.weight)!.sum(1).toArray() as number[];
    expect(byRow.map((v, i) => [i, v]).filter(([, v]) => v !== 0)).toEqual([
      [4, 4],
      [20, 2],
    ]);
  });

  test('A04-17 Flatten: a picture row by row, without parameters', () => {
    const layer = new nn.Flatten();
    expect(count(layer)).toBe(0);
    const x = tensor([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
    expect(layer.forward(x).toArray()).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(layer.forward(zeros([32, 15, 15, 64])).shape).toEqual([32, 14_400]);
  });

  test('A04-18 ZeroPad2d (1, 1): a frame of zeros', () => {
    const framed = new nn.ZeroPad2d([1, 1]).forward(
      tensor([
        [
          [[1], [2]],
          [[3], [4]],
        ],
      ]),
    );
    expect(framed.shape).toEqual([1, 4, 4, 1]);
    expect(framed.reshape([4, 4]).toArray()).toEqual([
      [0, 0, 0, 0],
      [0, 1, 2, 0],
      [0, 3, 4, 0],
      [0, 0, 0, 0],
    ]);
  });

  test('A04-38 activations: the table of formulas and derivatives', () => {
    const logistic = (v: number) => 1 / (1 + Math.exp(-v));
    const [alpha, scale] = [1.6732632423543772, 1.0507009873554805];
    const table: Record<string, [(x: Tensor) => Tensor, (v: number) => number, (v: number) => number]> = {
      sigmoid: [nn.sigmoid, logistic, (v) => logistic(v) * (1 - logistic(v))],
      tanh: [nn.tanh, Math.tanh, (v) => 1 - Math.tanh(v) ** 2],
      relu: [nn.relu, (v) => Math.max(0, v), (v) => (v > 0 ? 1 : 0)],
      softplus: [nn.softplus, (v) => Math.log(1 + Math.exp(v)), logistic],
      'leaky ReLU': [(x) => nn.leakyRelu(x, 0.1), (v) => Math.max(0.1 * v, v), (v) => (v > 0 ? 1 : 0.1)],
      ELU: [nn.elu, (v) => (v > 0 ? v : Math.exp(v) - 1), (v) => (v > 0 ? 1 : Math.exp(v))],
      SELU: [
        nn.selu,
        (v) => scale * (v > 0 ? v : alpha * (Math.exp(v) - 1)),
        (v) => scale * (v > 0 ? 1 : alpha * Math.exp(v)),
      ],
      'hard threshold': [(x) => x.heaviside(1), (v) => (v >= 0 ? 1 : 0), () => 0],
    };
    const points = [-5, -1.5, -0.3, 0.2, 1, 4];
    for (const [name, [f, formula, derivative]] of Object.entries(table)) {
      expectClose(numbers(f(tensor(points))), points.map(formula), { rtol: 1e-5, atol: 1e-6 }, name);
      const slopes = numbers(grad((x: Tensor) => f(x).sum())(tensor(points)));
      expectClose(slopes, points.map(derivative), { rtol: 1e-5, atol: 1e-6 }, `derivative of ${name}`);
    }
    expect(tensor([0]).heaviside(1).item()).toBe(1);
    // Softmax: exp(x) / Σ exp(x), with the Jacobian diag(p) - p pᵀ.
    const row = [1, -2, 0.5];
    const total = row.reduce((sum, v) => sum + Math.exp(v), 0);
    const p = row.map((v) => Math.exp(v) / total);
    expectClose(numbers(nn.softmax(tensor(row))), p, { rtol: 1e-6 });
    for (let k = 0; k < 3; k++) {
      const slopes = numbers(grad((x: Tensor) => nn.softmax(x).at(k))(tensor(row)));
      expectClose(
        slopes,
        p.map((q, i) => p[k] * ((i === k ? 1 : 0) - q)),
        { atol: 1e-6 },
      );
    }
  });

  test('A04-39 L2 on layers and embeddings: λ Σ w² in the loss, 2 λ w in the gradient, of those that are named only', () => {
    const model = new nn.Sequential(new nn.Embedding(4, 3), new nn.Flatten(), new nn.Linear(6, 2));
    const embedding = model.layers[0] as nn.Embedding;
    const squares = (x: Tensor) => x.square().sum().item();
    const [table, weight] = [embedding.weight.value, (model.layers[2] as nn.Linear).weight.value];
    expect(nn.l2Penalty(model, 0.1).item()).toBeCloseTo(0.1 * (squares(table) + squares(weight)), 5);
    expect(nn.l2Penalty(embedding, 0.1).item()).toBeCloseTo(0.1 * squares(table), 5);
    const x = tensor([[0, 1]], { dtype: 'int32' });
    const y = tensor([1], { dtype: 'int32' });
    const plain = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    const penalized = valueAndGrad(
      () => nn.crossEntropy(model.forward(x), y).add(nn.l2Penalty(embedding, 0.1)),
      model,
    );
    expect(penalized[0].item() - plain[0].item()).toBeCloseTo(0.1 * squares(table), 5);
    for (const parameter of model.parameters()) {
      const difference = penalized[1].get(parameter)!.sub(plain[1].get(parameter)!);
      const expected = parameter === embedding.weight ? table.mul(0.2) : zeros([...parameter.shape]);
      expectClose(numbers(difference), numbers(expected), { atol: 1e-6 });
    }
    // It is weight decay, for SGD.
    const decayed = (weightDecay: number, strength: number): number[] => {
      const layer = new nn.Linear(2, 1, { bias: false });
      layer.loadStateDict({ weight: tensor([[3, -2]]) });
      const [, grads] = valueAndGrad(
        () =>
          layer
            .forward(tensor([[1, 1]]))
            .sum()
            .add(nn.l2Penalty(layer, strength)),
        layer,
      );
      new optim.SGD(layer, { lr: 0.1, weightDecay }).update(grads);
      return numbers(layer.weight.value);
    };
    expectClose(decayed(0, 0.25), decayed(0.5, 0), { atol: 1e-6 });
  });

  test('A04-42 Gaussian noise: of the given deviation in training, nothing after; the gradient passes', () => {
    random.seed(1);
    const layer = new nn.GaussianNoise(0.3);
    expect(count(layer)).toBe(0);
    const x = draw([200, 100]);
    layer.train();
    const noise = layer.forward(x).sub(x);
    expect(noise.mean().item()).toBeCloseTo(0, 2);
    expect(noise.square().mean().sqrt().item()).toBeCloseTo(0.3, 2);
    expect(numbers(layer.forward(x)).slice(0, 10)).not.toEqual(numbers(layer.forward(x)).slice(0, 10));
    expect(numbers(grad((input: Tensor) => layer.forward(input).sum())(ones([3])))).toEqual([1, 1, 1]);
    layer.eval();
    expect(numbers(layer.forward(x))).toEqual(numbers(x));
  });
});
