import * as nabla from '../../src/index.ts';
import type { Operation } from './operation.ts';

const of = (name: string, call: Operation['call'], operands: Operation['operands'] = []): Operation => ({
  name,
  operands,
  call,
});
const like = [{ shape: [2, 3] }];

/** Arrays from nothing but numbers. */
export const createOperations: readonly Operation[] = [
  of('tensor', () => nabla.tensor([[1, 2], [3, 4]])), // biome-ignore format: as it is
  of('fromBits', () => nabla.fromBits(Uint16Array.of(0x3c00, 0xc100), { dtype: 'float16' }).cast('float32')),
  of('full', () => [nabla.full([2, 3], 1.5), nabla.full([2], true)]),
  of('zeros', () => nabla.zeros([2, 3])),
  of('ones', () => nabla.ones([2, 3], { dtype: 'int32' })),
  of('fullLike', (x) => nabla.fullLike(x, 7), like),
  of('zerosLike', (x) => nabla.zerosLike(x), like),
  of('onesLike', (x) => nabla.onesLike(x).mul(x), like),
  of('arange', () => [nabla.arange(5), nabla.arange(1, -1, -0.3)]),
  of('linspace', () => [nabla.linspace(-1, 2, 7), nabla.linspace(0, 1, 4, { endpoint: false })]),
  of('logspace', () => nabla.logspace(-1, 2, 5)),
  of('geomspace', () => nabla.geomspace(1, 256, 9)),
  of('eye', () => nabla.eye(2, 4, { k: 1 })),
  of('identity', () => nabla.identity(3)),
  of('tri', () => nabla.tri(3, 4, { k: -1 })),
  of('trilIndices', () => nabla.trilIndices(3, 4)),
  of('triuIndices', () => nabla.triuIndices(3)),
  of('fromFunction', () => nabla.fromFunction((i, j) => i.mul(10).add(j), [2, 3])),
  of('indices', () => nabla.indices([2, 3])),
];
