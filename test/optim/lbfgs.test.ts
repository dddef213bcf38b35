import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, tensor, Variable, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

interface Chain {
  name: string;
  options: optim.LBFGSOptions;
  losses: number[];
  trajectory: number[][];
}
const fixture: { start: number[]; chains: Chain[] } = JSON.parse(
  readFileSync(new URL('../fixtures/torch_optim.json', import.meta.url), 'utf8'),
);

/** The Rosenbrock chain of five numbers, and a function that evaluates it. */
function rosenbrock(dtype: 'float32' | 'float64' = 'float64') {
  const x = new Variable(tensor(fixture.start, { dtype }));
  const evaluate = jit(() =>
    valueAndGrad(() => {
      const [left, right] = [x.value.slice([0, 4]), x.value.slice([1, 5])];
      return right.sub(left.square()).square().mul(100).add(left.neg().add(1).square()).sum();
    }, x),
  );
  return { x, evaluate };
}

describe('LBFGS', () => {
  test.each(fixture.chains)('PyTorch takes the same path: $name', ({ options, losses, trajectory }) => {
    const { x, evaluate } = rosenbrock();
    const optimizer = new optim.LBFGS(x, options);
    trajectory.forEach((expected, t) => {
      const loss = optimizer.update(evaluate);
      expect(Math.abs(loss - losses[t])).toBeLessThanOrEqual(1e-6 * (1e-6 + losses[t]));
      x.value.dataSync().forEach((v, i) => {
        expect(v).toBeCloseTo(expected[i], 6);
      });
    });
  });

  test('float32: finds the minimum', () => {
    const { x, evaluate } = rosenbrock('float32');
    const optimizer = new optim.LBFGS(x, { lineSearch: 'strongWolfe' });
    for (let i = 0; i < 5; i++) optimizer.update(evaluate);
    for (const v of x.value.dataSync()) expect(v).toBeCloseTo(1, 3);
  });

  test('solves least squares of a module', () => {
    const model = new nn.Linear(2, 1);
    const inputs = tensor([
      [1, 0],
      [0, 1],
      [1, 1],
      [2, -1],
    ]);
    const targets = inputs.matmul(tensor([[3], [-2]])).add(0.5);
    const evaluate = () => valueAndGrad(() => nn.mseLoss(model.forward(inputs), targets), model);
    new optim.LBFGS(model, { lineSearch: 'strongWolfe' }).update(evaluate);
    [3, -2].forEach((w, i) => {
      expect(model.weight.value.dataSync()[i]).toBeCloseTo(w, 3);
    });
    expect(model.bias?.value.item()).toBeCloseTo(0.5, 3);
  });

  test('a state dict continues exactly', () => {
    const options = { lineSearch: 'strongWolfe', maxIter: 3, historySize: 4 } as const;
    const run = (interrupted: boolean) => {
      const { x, evaluate } = rosenbrock();
      let optimizer = new optim.LBFGS(x, options);
      for (let i = 0; i < 6; i++) {
        if (interrupted && i === 3) {
          const state = optimizer.stateDict();
          optimizer = new optim.LBFGS(x, options);
          optimizer.loadStateDict(state);
        }
        optimizer.update(evaluate);
      }
      return x.value.toArray();
    };
    expect(run(true)).toEqual(run(false));
    const other = new optim.LBFGS(new Variable(tensor([1, 2])));
    const { x, evaluate } = rosenbrock();
    const optimizer = new optim.LBFGS(x, options);
    optimizer.update(evaluate);
    expect(() => other.loadStateDict(optimizer.stateDict())).toThrow(/vectors of 5, 5, 5, 5 .* needed are 2/);
    expect(() => other.loadStateDict({})).toThrow(/missing: iterations/);
  });

  test('explains wrong use', () => {
    const { x, evaluate } = rosenbrock();
    const optimizer = new optim.LBFGS(x);
    expect(() => jit(() => tensor(optimizer.update(evaluate)))()).toThrow(/cannot run inside of jit/);
    expect(() => optimizer.update(() => [tensor(1), new Map()])).toThrow(/no gradient for '0'/);
    expect(() => new optim.LBFGS(x, { maxIter: 0 })).toThrow(/maxIter must be a positive integer, got 0/);
    expect(() => new optim.LBFGS(x, { lineSearch: 'wolfe' as 'strongWolfe' })).toThrow(
      /'strongWolfe' or null/,
    );
    expect(() => new optim.LBFGS([])).toThrow(/no variables/);
  });
});
