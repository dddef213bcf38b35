import { expect, test } from 'vitest';
import { loadTorchTensors } from '../../src/io/index.ts';
import { describeReal, realPath } from './real_data.ts';

describeReal('FastestDet, from its zip pickles', () => {
  // Counts and sums of absolute values as PyTorch gives them.
  test.each([
    ['shufflenetv2.pth', 330, 149_095, 8439.022116828875],
    ['weight_AP05_0.253207_280-epoch.pth', 420, 252_938, 10225.236767877195],
  ])('%s holds what PyTorch finds in it', async (name, count, size, sum) => {
    const all = Object.values(await loadTorchTensors(realPath('weights', 'fastestdet', name)));
    expect(all.length).toBe(count);
    expect(all.reduce((total, x) => total + x.size, 0)).toBe(size);
    const floats = all.filter(({ dtype }) => dtype === 'float32');
    const total = floats.reduce((most, x) => most + x.cast('float64').abs().sum().item(), 0);
    expect(total / sum).toBeCloseTo(1, 12);
  });
});
