import { describe, expect, test } from 'vitest';
import { eye, grad, jit, linalg, random, stack, type Tensor, tensor, vmap, zeros } from '../../src/index.ts';
import { type ArrayFunction, expectSame, loopOver, sample } from '../support/example_loop.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];

describe('vmap: linear algebra', () => {
  const square = sample([3, 4, 4], 11);
  const a = square.matmul(square.mT).add(eye(4).cast('float64'));
  const b = sample([3, 4, 2], 12);
  const others: [string, (x: Tensor) => Tensor][] = [
    ['cholesky', (x) => linalg.cholesky(x)],
    ['inverse', (x) => linalg.inverse(x)],
    ['determinant', (x) => linalg.det(x)],
    ['singular values', (x) => linalg.svdvals(x)],
    ['eigenvalues', (x) => linalg.eigvalsh(x)],
    ['gradient of a determinant', (x) => grad((y: Tensor) => linalg.det(y).log())(x)],
    ['gradient of eigenvalues', (x) => grad((y: Tensor) => linalg.eigvalsh(y).square().sum())(x)],
  ];
  test.each(others)('%s', (_, f) => {
    expectSame(vmap(f)(a), loopOver(f, [0], [a]), 1e-11);
  });

  test('solve, one of its operands shared or none; its gradient', () => {
    const solve = (x: Tensor, y: Tensor) => linalg.solve(x, y);
    const slope = (x: Tensor, y: Tensor) => grad((u: Tensor) => linalg.solve(u, y).square().sum())(x);
    for (const axes of [
      [0, 0],
      [0, null],
      [null, 0],
    ])
      for (const f of [solve, slope]) {
        const args = [axes[0] === 0 ? a : a.at(0), axes[1] === 0 ? b : b.at(0)];
        expectSame(
          vmap(f as ArrayFunction, { inAxes: axes })(...args),
          loopOver(f, axes, args),
          1e-10,
          String(axes),
        );
      }
  });
});

describe('vmap: random numbers', () => {
  const keys = random.split(random.key(9), 5);
  const table = sample([4, 3]).cast('float32');
  const draws: [string, (k: Tensor) => Tensor][] = [
    ['normal', (key) => random.normal([3, 2], { key })],
    ['uniform', (key) => random.uniform([4], { key, low: 2, high: 5 })],
    ['randint', (key) => random.randint([6], -5, 50, { key })],
    ['bernoulli', (key) => random.bernoulli(0.3, [5], { key })],
    ['permutation', (key) => random.permutation(7, { key })],
    ['rows in random order', (key) => random.permutation(table, { key })],
    ['truncatedNormal', (key) => random.truncatedNormal([3], { key })],
    ['exponential', (key) => random.exponential([3], { key })],
    ['gumbel', (key) => random.gumbel([3], { key })],
    ['categorical', (key) => random.categorical(table, { key })],
    ['choice', (key) => random.choice(6, [3], { key })],
    ['choice without replacement', (key) => random.choice(6, [3], { key, replace: false })],
    ['gamma', (key) => random.gamma(0.7, [3], { key })],
    ['beta', (key) => random.beta(2, 0.5, [3], { key })],
    ['dirichlet', (key) => random.dirichlet(tensor([1, 2, 0.5]), [2], { key })],
    ['poisson', (key) => random.poisson(tensor([0.5, 4, 30]), [3], { key })],
    ['binomial', (key) => random.binomial(20, tensor([0.1, 0.5, 0.9]), [3], { key })],
    ['split and fold', (key) => random.bits([2], { key: random.foldIn(random.split(key).at(1), 5) })],
  ];
  test.each(draws)('%s by keys: bit for bit what each key draws alone', (_, draw) => {
    const expected = stack(Array.from({ length: 5 }, (__, i) => draw(keys.at(i))));
    expectSame(vmap(draw)(keys), expected, 0);
    // Another tier rounds exp and log in its own way; bits are the same everywhere.
    expectSame(jit(vmap(draw))(keys), expected, expected.dtype === 'float32' ? 1e-6 : 0);
  });

  test('without a key all examples share one draw, and the generator goes on by one', () => {
    const f = vmap((x: Tensor) => x.mul(0).add(random.normal([])));
    random.seed(4);
    const [first, second] = [random.normal([]).item(), random.normal([]).item()];
    random.seed(4);
    expect(list(f(zeros([3])))).toEqual([first, first, first]);
    expect(list(jit(f)(zeros([3])))).toEqual([second, second, second]);
  });
});
