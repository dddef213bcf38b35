import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Ordered } from '../../src/core/array_sorting.ts';
import { full, zeros } from '../../src/core/create.ts';
import * as free from '../../src/core/free_reductions.ts';
import { jit } from '../../src/core/jit.ts';
import { stack, type Tensor, tensor } from '../../src/core/tensor.ts';
import { grad, jvp } from '../../src/core/transforms.ts';
import { vmap } from '../../src/core/vmap.ts';
import type { DType } from '../../src/graph/dtype.ts';
import { expectClose } from '../support/close.ts';

// Reductions against PyTorch and NumPy: values, gradients and gradients of gradients; as they are and jitted, in double and single.

type Packed = { readonly shape: number[]; readonly dtype?: DType; readonly data: (number | string)[] };
interface Case {
  readonly name: string;
  readonly op: keyof typeof free;
  readonly inputs: readonly Packed[];
  readonly args: readonly unknown[];
  readonly outputs: readonly Packed[];
  readonly cotangents: readonly (Packed | null)[];
  readonly gradients: readonly Packed[] | null;
  readonly directions: readonly Packed[] | null;
  readonly second: readonly Packed[] | null;
}

const path = new URL('../fixtures/reductions.json', import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(path, 'utf8'));

const numbers = ({ data }: Packed): number[] => data.map(Number);
const load = (packed: Packed, float: DType): Tensor =>
  tensor(Float64Array.from(numbers(packed)), { dtype: packed.dtype ?? float }).reshape(packed.shape);

/** Arguments with arrays and infinities in their places. */
function revive(value: unknown, inputs: readonly Tensor[]): unknown {
  if (value === null) return undefined;
  if (value === 'Infinity' || value === '-Infinity') return Number(value);
  if (Array.isArray(value)) return value.map((v) => revive(v, inputs));
  if (typeof value !== 'object') return value;
  if ('input' in value) return inputs[value.input as number];
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revive(v, inputs)]));
}

/** The function of a case, of its inputs that are floats, and these. */
function functionOf(given: Case, float: DType): [f: (...xs: Tensor[]) => Tensor[], floats: Tensor[]] {
  const all = given.inputs.map((input) => load(input, float));
  const isFloating = given.inputs.map(({ dtype }) => dtype === undefined);
  const f = (...differentiated: Tensor[]): Tensor[] => {
    const rest = [...differentiated];
    const inputs = all.map((x, i) => (isFloating[i] ? rest.shift()! : x));
    // biome-ignore lint/performance/noDynamicNamespaceImportAccess: every function is called, by the name in the fixture.
    const call = free[given.op] as (...list: unknown[]) => Tensor | Tensor[] | Ordered;
    const found = call(inputs[0], ...given.args.map((a) => revive(a, inputs)));
    if ('values' in found && 'indices' in found) return [found.values, found.indices];
    return Array.isArray(found) ? found : [found];
  };
  return [f, all.filter((_, i) => isFloating[i])];
}

/** The gradient of the sum of what f gives, weighted. */
function gradientOf(given: Case, f: (...xs: Tensor[]) => Tensor[], float: DType) {
  const loss = (...xs: Tensor[]): Tensor =>
    f(...xs).reduce<Tensor | null>((sum, out, i) => {
      const ct = given.cotangents[i];
      const term = ct === null ? null : out.mul(load(ct, float)).sum();
      return sum === null || term === null ? (sum ?? term) : sum.add(term);
    }, null)!;
  return (...xs: Tensor[]): Tensor[] => grad(loss, { argnums: xs.map((_, i) => i) })(...xs);
}

function compare(actual: readonly Tensor[], expected: readonly Packed[], rtol: number, what: string): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((packed, i) => {
    expect(actual[i].shape, what).toEqual(packed.shape);
    if (packed.dtype !== undefined) expect(actual[i].dtype, what).toBe(packed.dtype);
    const list = numbers(packed);
    const top = list.filter(Number.isFinite).reduce((t, x) => Math.max(t, Math.abs(x)), 0.1);
    expectClose(actual[i].dataSync(), list, { rtol, atol: rtol * top }, `${what} ${i}`);
  });
}

function check(given: Case, float: DType, rtol: number, isJitted: boolean): void {
  const [f, floats] = functionOf(given, float);
  const run = (of: (...xs: Tensor[]) => Tensor[]): Tensor[] => (isJitted ? jit(of) : of)(...floats);
  compare(run(f), given.outputs, rtol, 'output');
  const { gradients, directions, second } = given;
  if (gradients === null) return;
  const gradient = gradientOf(given, f, float);
  compare(run(gradient), gradients, rtol, 'gradient');
  if (second === null) return;
  const slope = (...xs: Tensor[]): Tensor =>
    gradient(...xs).reduce((sum, g, i) => sum.add(g.mul(load(directions![i], float)).sum()), tensor(0));
  const bend = (...xs: Tensor[]): Tensor[] => grad(slope, { argnums: xs.map((_, i) => i) })(...xs);
  compare(run(bend), second, rtol, 'second derivative');
}

const sumOfProducts = (a: readonly (Tensor | null)[], b: readonly (Packed | null)[]): number =>
  a.reduce((sum, x, i) => sum + (b[i] === null ? 0 : x!.mul(load(b[i], 'float64')).sum().item()), 0);

/** Forward mode gives the same slope as reverse mode, and several examples at once what one after the other does. */
function checkTransforms(given: Case): void {
  const [f, floats] = functionOf(given, 'float64');
  const { gradients, directions, cotangents } = given;
  const examples = [floats, floats.map((x) => x.flip())];
  const atOnce = floats.map((x) => stack([x, x.flip()]));
  const mapped = (of: (...xs: Tensor[]) => Tensor[]): void => {
    if (floats.length === 0) return;
    const results = vmap(of)(...atOnce);
    examples.forEach((example, i) => {
      of(...example).forEach((one, k) => {
        const top = [...one.dataSync()].filter(Number.isFinite).reduce((t, x) => Math.max(t, Math.abs(x)), 1);
        expectClose(
          results[k].at(i).dataSync(),
          one.dataSync(),
          { rtol: 1e-9, atol: 1e-9 * top },
          `example ${i}`,
        );
      });
    });
  };
  mapped(f);
  if (gradients === null) return;
  mapped(gradientOf(given, f, 'float64'));
  const [, tangents] = jvp(
    f,
    floats,
    directions!.map((d) => load(d, 'float64')),
  );
  const reverse = sumOfProducts(
    gradients.map((x) => load(x, 'float64')),
    directions!,
  );
  expectClose([sumOfProducts(tangents, cotangents)], [reverse], { rtol: 1e-7, atol: 1e-7 });
}

test('every function has cases', () => {
  const tested = new Set<string>(cases.map(({ op }) => op));
  expect(Object.keys(free).filter((name) => !tested.has(name) && name !== 'var')).toEqual([]);
  expect(cases.length).toBeGreaterThan(280);
});

describe.each(Object.keys(free).filter((name) => name !== 'var'))('%s', (op) => {
  test.each(cases.filter((c) => c.op === op).map((c) => [c.name, c] as const))('%s', (_, given) => {
    check(given, 'float64', 2e-9, false);
    check(given, 'float32', 1e-4, true);
  });

  test('forward mode and several examples at once', () => {
    for (const given of cases.filter((c) => c.op === op).slice(0, 4)) checkTransforms(given);
  });
});

const list = (x: Tensor): number[] => [...x.dataSync()];

describe('where PyTorch gives NaN or goes other ways', () => {
  test('logsumexp and logcumsumexp of -Infinity have finite derivatives', () => {
    const x = tensor([
      [-Infinity, -Infinity],
      [-Infinity, 2],
    ]);
    expect(list(grad((t: Tensor) => t.logsumexp(1).sum())(x))).toEqual([0, 0, 0, 1]);
    expect(list(grad((t: Tensor) => t.logcumsumexp(1).sum())(x))).toEqual([1, 0, 1, 1]);
  });

  test('norms at zero have derivatives 0 of any order', () => {
    for (const ord of [2, 3, 0.5]) {
      const slope = grad((t: Tensor) => t.norm(ord).sum());
      expect(list(slope(tensor([0, 0])))).toEqual([0, 0]);
      expect(list(grad((t: Tensor) => slope(t).sum())(tensor([0, 0])))).toEqual([0, 0]);
    }
    expect(list(grad((t: Tensor) => t.std().sum())(tensor([2, 2])))).toEqual([0, 0]);
  });

  test('ties: the first of equal maxima, minima and running ones', () => {
    const x = tensor([1, 4, 4, 1, 5]);
    const { values: top, indices: at } = x.cummax(0);
    expect([list(top), list(at)]).toEqual([
      [1, 4, 4, 4, 5],
      [0, 1, 1, 1, 4],
    ]);
    const { values: low, indices: where } = x.cummin(0, { reverse: true });
    expect([list(low), list(where)]).toEqual([
      [1, 1, 1, 1, 5],
      [3, 3, 3, 3, 4],
    ]);
    expect(at.dtype).toBe('int32');
    expect(list(grad((t: Tensor) => t.norm(Infinity))(tensor([-3, 3])))).toEqual([-1, 0]);
  });

  test('mode: NaN are equal to each other, the smallest of the most frequent', () => {
    expect(tensor([3, NaN, 1, NaN]).mode().item()).toBe(NaN);
    expect(tensor([3, 1, 3, 1]).mode().item()).toBe(1);
    expect(tensor([true, true, false]).mode().item()).toBe(1);
    expect(tensor([[2, 2, 1]]).mode(1, { keepDims: true }).shape).toEqual([1, 1]);
    expect(list(grad((t: Tensor) => t.mode())(tensor([3, 1, 3])))).toEqual([0, 0, 1]);
  });

  test('quantiles of infinities', () => {
    const x = tensor([-Infinity, -Infinity, 0, Infinity, Infinity]);
    expect(list(x.quantile([0, 0.1, 0.25, 0.5, 0.9, 1]))).toEqual([
      -Infinity,
      -Infinity,
      -Infinity,
      0,
      Infinity,
      Infinity,
    ]);
    expect(tensor([1, Infinity]).quantile(0.5).item()).toBe(Infinity);
  });
});

describe('dtypes', () => {
  test('integers and bool', () => {
    const n = tensor([1, 2, 3, 4], { dtype: 'int32' });
    const b = tensor([true, false, true]);
    const dtypes = [n.cumsum(0), n.prod(), n.max(), n.diff(), n.ptp(), n.nansum(), n.mode()].map(
      (x) => x.dtype,
    );
    expect(new Set(dtypes)).toEqual(new Set(['int32']));
    const floats = [
      n.mean(),
      n.var(),
      n.norm(),
      n.median(),
      n.logsumexp(),
      n.cov(),
      n.trapezoid(),
      n.average(),
    ];
    expect(new Set(floats.map((x) => x.dtype))).toEqual(new Set(['float32']));
    expect(list(b.cumsum(0))).toEqual([1, 1, 2]);
    expect([b.max().dtype, b.max().item(), b.min().item(), b.cummax(0).values.dtype]).toEqual([
      'bool',
      1,
      0,
      'bool',
    ]);
    expect(b.sum().dtype).toBe('int32');
    expect(tensor([1, 2], { dtype: 'float16' }).cumsum(0).dtype).toBe('float32');
    expect(
      tensor([2 ** 31 - 1, 1], { dtype: 'int32' })
        .cumsum(0)
        .toArray(),
    ).toEqual([2 ** 31 - 1, -(2 ** 31)]);
  });

  test('long running sums keep their accuracy', () => {
    const n = 200_000;
    const x = full([n], 0.1);
    const exact = n * Math.fround(0.1);
    expect(Math.abs(x.cumsum(0).at(-1).item() / exact - 1)).toBeLessThan(1e-6);
    const wide = full([n, 8], 0.1);
    expect(Math.abs(wide.cumsum(0).at(-1).at(3).item() / exact - 1)).toBeLessThan(1e-5);
  });
});

describe('refused', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  test.each([
    [() => x.max(2), /max: axis 2 does not exist in an array of rank 2/],
    [() => x.any(2), /any: axis 2 does not exist/],
    [() => zeros([0, 2]).max(0), /max: axis 0 of \[0, 2\] is empty/],
    [() => zeros([0]).median(), /median: \[0\] is empty along the axis/],
    [() => zeros([2, 0]).mode(), /mode: axis 1 of \[2, 0\] is empty/],
    [() => x.quantile(1.5), /quantile: 1.5 is not within 0..1/],
    [() => x.percentile(101), /is not within 0..1/],
    [() => x.quantile([]), /empty list/],
    [
      () => x.quantile(0.5, 0, { method: 'best' as 'linear' }),
      /there is no method 'best'; methods are linear/,
    ],
    [() => x.norm('nuc' as 'fro'), /norm: the order is a number.*got nuc/],
    [() => zeros([0]).norm(-Infinity), /the order -Infinity of an empty vector/],
    [() => x.average(0, { weights: zeros([3]) }), /average: weights of shape \[3\] fit neither/],
    [() => zeros([2, 2, 2]).cov(), /cov: needs a vector or a matrix, got shape \[2, 2, 2\]/],
    [() => x.cov({ aweights: zeros([3]) }), /cov: aweights must have shape \[2\]/],
    [() => x.sum(0, { keepdim: true } as object), /sum: unknown option 'keepdim'; options are keepDims/],
    [() => x.std(0, { ddof: 1 } as object), /var: unknown option 'ddof'; options are keepDims, correction/],
    [() => x.mean(0, { axis: 1 } as object), /unknown option 'axis'/],
    [
      () => x.cumsum(0, { reversed: true } as object),
      /cumsum: unknown option 'reversed'; options are reverse/,
    ],
    [() => x.cumsum(2), /cumsum: axis 2 does not exist/],
    [() => x.cummax(5), /cummax: axis 5/],
    [() => x.diff(-1), /diff: the order must be an integer >= 0, got -1/],
    [
      () => x.diff(1, 1, { prepend: zeros([3, 1]) }),
      /\[3, 1\] cannot be put before or after \[2, 2\] along axis 1/,
    ],
    [() => x.trapezoid({ x: [1, 2, 3] }), /coordinates of shape \[3\] must be 2 numbers/],
    [() => x.gradient(0, { spacing: [1, 2] }), /2 spacings for 1 axes/],
    [() => x.gradient(0, { edgeOrder: 2 }), /needs at least 3 elements for edges of order 2/],
    [() => x.gradient(0, { edgeOrder: 3 as 2 }), /is 1 or 2, got 3/],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});
