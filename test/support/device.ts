import { afterAll, beforeAll } from 'vitest';

/** The tests around the call compute on this device: the compiled one, or the scalar interpreter. */
export function computeOn(device: 'cpu' | 'reference'): void {
  const before = process.env.NABLA_DEVICE;
  beforeAll(() => {
    process.env.NABLA_DEVICE = device;
  });
  afterAll(() => {
    if (before === undefined) delete process.env.NABLA_DEVICE;
    else process.env.NABLA_DEVICE = before;
  });
}

export const devices = ['cpu', 'reference'] as const;
