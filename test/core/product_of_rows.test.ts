import { expect, test } from 'vitest';
import { jit, random, type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { multiplications } from '../support/multiplications.ts';

// matmul of gathered rows multiplies the table once where that is less work.

const setup = () => {
  random.seed(7);
  const [table, weight] = [random.normal([5, 3]), random.normal([3, 4])];
  const indices = tensor([4, 0, 2, 2, 1, 3, 4, -1, 9, 0, 1, 2], { dtype: 'int32', shape: [3, 4] });
  return { table, weight, indices };
};

test('multiplies each row of the table once', () => {
  const { table, weight, indices } = setup();
  const product = table.take(indices).matmul(weight);
  expect(multiplications([product])).toBe(5 * 3 * 4);
  expect(product.shape).toEqual([3, 4, 4]);
  const rows = table.take(indices);
  rows.dataSync();
  // Rows that have been evaluated are multiplied as they are.
  expect(multiplications([rows.matmul(weight)])).toBe(12 * 3 * 4);
  expectClose(product.dataSync(), rows.matmul(weight).dataSync(), { atol: 1e-6 });
});

test('leaves fewer rows than the table has alone, and other axes', () => {
  const { table, weight } = setup();
  const few = tensor([1, 4, 4], { dtype: 'int32' });
  expect(multiplications([table.take(few).matmul(weight)])).toBe(3 * 3 * 4);
  const columns = tensor([0, 2, 1, 1, 0, 0, 2], { dtype: 'int32' });
  expect(multiplications([table.take(columns, 1).matmul(random.normal([7, 2]))])).toBe(5 * 7 * 2);
  expect(() =>
    table.take(tensor([0, 0, 0, 0, 0, 0], { dtype: 'int32' })).matmul(random.normal([4, 2])),
  ).toThrow(/matmul: inner sizes differ: \[6, 3\] x \[4, 2\]/);
});

test('gradients are those of the product of the gathered rows', () => {
  const { table, weight, indices } = setup();
  const loss = (rows: (t: Tensor) => Tensor) =>
    jit((t: Tensor, w: Tensor) =>
      valueAndGrad((a: Tensor, b: Tensor) => rows(a).matmul(b).tanh().sum(), { argnums: [0, 1] })(t, w),
    )(table, weight);
  const [value, [byTable, byWeight]] = loss((t) => t.take(indices));
  // Adding 0 hides from matmul that these are rows of a table.
  const [same, [table2, weight2]] = loss((t) => t.take(indices).add(0));
  expectClose([value.item()], [same.item()], { rtol: 1e-6 });
  expectClose(byTable.dataSync(), table2.dataSync(), { atol: 1e-5 });
  expectClose(byWeight.dataSync(), weight2.dataSync(), { atol: 1e-5 });
});
