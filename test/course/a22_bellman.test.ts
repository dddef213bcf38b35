import { describe, expect, test } from 'vitest';
import { arange, einsum, jit, linalg, random, scan, type Tensor, tensor } from '../../src/index.ts';

const [states, actions, gamma] = [7, 3, 0.9];

/** A decision process with random transitions P[s, a, s'] and rewards r[s, a], in double precision. */
function process(seed: number): { p: Tensor; r: Tensor } {
  const [a, b] = [random.key(seed), random.key(seed + 1000)];
  const weights = random.uniform([states, actions, states], { key: a }).cast('float64').add(0.01).pow(4);
  return {
    p: weights.div(weights.sum(2, { keepDims: true })),
    r: random.normal([states, actions], { key: b }).cast('float64'),
  };
}

/** (T Q)(s, a) = r(s, a) + gamma * sum over s' of P(s' | s, a) max over a' of Q(s', a'). */
const backup = ({ p, r }: { p: Tensor; r: Tensor }, q: Tensor): Tensor =>
  r.add(einsum('ijk,k->ij', p, q.max(1)).mul(gamma));

const distance = (a: Tensor, b: Tensor): Tensor => a.sub(b).abs().max();

describe('A22', () => {
  test('A22-08 the optimality operator is a gamma-contraction in the maximum norm; value iteration converges at that rate to its fixed point', () => {
    const ratios: number[] = [];
    for (let seed = 0; seed < 20; seed++) {
      const mdp = process(seed);
      const [q1, q2] = [50, 60].map((k) =>
        random
          .normal([states, actions], { key: random.key(100 * seed + k) })
          .cast('float64')
          .mul(10),
      );
      ratios.push(distance(backup(mdp, q1), backup(mdp, q2)).item() / distance(q1, q2).item());
    }
    expect(Math.max(...ratios)).toBeLessThanOrEqual(gamma);
    // The bound is sharp: a shift of all values by the same number shrinks by exactly gamma.
    const mdp = process(3);
    const q = random.normal([states, actions], { key: random.key(9) }).cast('float64');
    expect(distance(backup(mdp, q.add(5)), backup(mdp, q)).item() / 5).toBeCloseTo(gamma, 12);

    const iterate = jit((q: Tensor) => scan((c: Tensor) => [backup(mdp, c), c], q, null, { length: 400 }));
    const [fixed, path] = iterate(q);
    expect(distance(backup(mdp, fixed), fixed).item()).toBeLessThan(1e-12);
    const errors = [...path.sub(fixed).abs().max([1, 2]).dataSync()].slice(0, 100);
    errors.slice(1).forEach((e, k) => {
      expect(e).toBeLessThanOrEqual(gamma * errors[k] * (1 + 1e-9));
      // Banach's estimate before the fixed point is known.
      expect(e).toBeLessThanOrEqual(
        (gamma ** (k + 1) / (1 - gamma)) * distance(backup(mdp, q), q).item() + 1e-12,
      );
    });

    // The fixed point is the value of its greedy policy, from the linear equations of that policy.
    const greedy = fixed.argmax(1);
    const ofPolicy = (x: Tensor) =>
      x.reshape([states * actions, -1]).take(arange(states).mul(actions).add(greedy));
    const pPolicy = ofPolicy(mdp.p);
    const identity = tensor(
      Array.from({ length: states }, (_, i) => Array.from({ length: states }, (_, j) => Number(i === j))),
      { dtype: 'float64' },
    );
    const v = linalg.solve(identity.sub(pPolicy.mul(gamma)), ofPolicy(mdp.r).reshape([states]));
    expect(distance(v, fixed.max(1)).item()).toBeLessThan(1e-10);
  });
});
