import {
  checkpoint,
  cond,
  customJvp,
  customVjp,
  scan,
  stopGradient,
  switchCase,
  type Tensor,
  tensor,
  where,
  whileLoop,
} from '../../src/index.ts';
import type { Operation } from './operation.ts';

const cube = customJvp(
  (x: Tensor) => x.mul(x).mul(x),
  ([x], [t]) => x.square().mul(3).mul(t),
);
const clipped = customVjp(
  (x: Tensor) => [x.sin(), x],
  (x, ct) => [x.cos().mul(ct)],
);
const int = (n: number) => tensor(n, { dtype: 'int32' });

/** Control flow, and functions with derivatives of their own. */
export const controlOperations: readonly Operation[] = [
  {
    name: 'scan',
    operands: [{ shape: [3], values: 'unit' }, { shape: [4, 3], values: 'unit' }, { shape: [] }],
    call: (h, xs, w) => {
      const [last, all] = scan(
        (c: Tensor, x: Tensor) => {
          const next = c.mul(w).add(x).tanh();
          return [next, next.mul(x).sum()];
        },
        h,
        xs,
      );
      return [last, all];
    },
  },
  {
    name: 'scan: reverse, recomputed',
    operands: [
      { shape: [2], values: 'unit' },
      { shape: [3, 2], values: 'unit' },
    ],
    call: (h, xs) =>
      scan((c: Tensor, x: Tensor) => [c.add(x).sin(), c.mul(x)], h, xs, { reverse: true, recompute: true }),
  },
  {
    name: 'whileLoop',
    operands: [{ shape: [], values: 'positive' }],
    call: (x) =>
      whileLoop(
        (c: Tensor) => c.lt(20),
        (c) => c.mul(1.7).add(x),
        x,
      ),
    without: { gradient: 'reverse mode would need to know the number of steps: use scan' },
  },
  {
    name: 'cond',
    operands: [{ shape: [3] }, { shape: [], values: 'signed' }],
    call: (x, p) =>
      cond(
        p.gt(0),
        (y: Tensor) => y.sin().mul(p),
        (y: Tensor) => y.square(),
        x,
      ),
  },
  {
    name: 'switchCase',
    operands: [{ shape: [3] }, { shape: [], dtype: 'int32', values: 'small' }],
    call: (x, i) =>
      switchCase(i, [(y: Tensor) => y.sin(), (y: Tensor) => y.square(), (y: Tensor) => y.exp()], x),
  },
  { name: 'checkpoint', operands: [{ shape: [4] }], call: checkpoint((x: Tensor) => x.sin().exp().mul(x)) },
  { name: 'customJvp', operands: [{ shape: [4] }], call: cube },
  {
    name: 'customVjp',
    operands: [{ shape: [4] }],
    call: clipped,
    without: { jvp: 'the rule is one of reverse mode alone' },
  },
  {
    name: 'stopGradient',
    operands: [{ shape: [4] }],
    call: (x) => x.mul(stopGradient(x.mul(0).add(2))),
  },
  {
    name: 'where',
    operands: [{ shape: [2, 3], dtype: 'bool' }, { shape: [3] }, { shape: [2, 1] }],
    call: where,
  },
  {
    name: 'cond: of integers',
    operands: [{ shape: [], dtype: 'int32' }],
    call: (n) =>
      whileLoop(
        (c: Tensor) => c.lt(50),
        (c) => c.mul(2).add(1),
        n.add(int(1)),
      ),
  },
];
