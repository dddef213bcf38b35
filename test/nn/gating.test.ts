import { describe, expect, test } from 'vitest';
import { jit, random, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { testLayers, wave } from './torch_layers.ts';

describe('gating', () => {
  testLayers('SqueezeExcitation', 'GatedLinear', 'Highway');

  test('Residual adds what went around', () => {
    const x = wave([2, 3], 0);
    const inner = new nn.Linear(3, 3);
    expectClose(new nn.Residual(inner).forward(x).dataSync(), inner.forward(x).add(x).dataSync());
    const around = new nn.Linear(3, 2);
    const wide = new nn.Residual(new nn.Linear(3, 2), { shortcut: around });
    expect(wide.forward(x).shape).toEqual([2, 2]);
    expect(wide.namedParameters().map(([name]) => name)).toContain('shortcut.weight');
    expect(() => new nn.Residual(around).forward(x)).toThrow(
      /Residual: the inner layer gives \[2, 2\], the shortcut \[2, 3\]/,
    );
  });

  test('Highway mixes what it computes with its input', () => {
    const layer = new nn.Highway(3, { gateBias: -50 });
    const x = wave([2, 3], 1);
    expectClose(layer.forward(x).dataSync(), x.dataSync(), { atol: 1e-6 });
    layer.gate.bias!.assign(zeros([3]).add(50));
    expectClose(layer.forward(x).dataSync(), layer.transform.forward(x).relu().dataSync(), { atol: 1e-6 });
  });

  test('GatedLinear with silu is SwiGLU; wrong options are refused', () => {
    const layer = new nn.GatedLinear(3, 2, { activation: 'silu', bias: false });
    const x = wave([2, 3], 1);
    const expected = layer.value.forward(x).mul(nn.silu(layer.gate.forward(x)));
    expectClose(layer.forward(x).dataSync(), expected.dataSync());
    expect(() => new nn.GatedLinear(3, 2, { activation: 'tan' as 'silu' })).toThrow(/must be one of sigmoid/);
    expect(() => new nn.SqueezeExcitation(4).forward(zeros([1, 2, 3]))).toThrow(
      /SqueezeExcitation: the input must be \[batch, ...space, 4\]/,
    );
  });
});

describe('NoisyLinear', () => {
  test('is a linear map with noisy weights in training, without noise in evaluation', () => {
    random.seed(0);
    const layer = new nn.NoisyLinear(3, 2);
    const x = wave([4, 3], 0);
    const [a, b] = [layer.noiseOut.value, layer.noiseIn.value];
    const weight = layer.weight.value.add(layer.weightSigma.value.mul(a.unsqueeze(1).mul(b)));
    const bias = layer.bias.value.add(layer.biasSigma.value.mul(a));
    const noisy = layer.forward(x);
    expectClose(noisy.dataSync(), x.matmul(weight.transpose()).add(bias).dataSync(), { atol: 1e-6 });
    expectClose(layer.forward(x).dataSync(), noisy.dataSync());
    layer.resample();
    expect([...layer.forward(x).dataSync()]).not.toEqual([...noisy.dataSync()]);
    layer.eval();
    const plain = x.matmul(layer.weight.value.transpose()).add(layer.bias.value);
    expectClose(layer.forward(x).dataSync(), plain.dataSync(), { atol: 1e-6 });
  });

  test('learns how much noise, and draws anew in compiled steps', () => {
    random.seed(1);
    const layer = new nn.NoisyLinear(4, 3);
    expect(layer.weightSigma.value.max().item()).toBeCloseTo(0.25, 6);
    const x = wave([2, 4], 1);
    const step = jit(() => {
      layer.resample();
      const [, gradients] = valueAndGrad(() => layer.forward(x).square().sum(), layer);
      return [layer.forward(x), gradients.get(layer.weightSigma)!];
    });
    const [first, slope] = step();
    expect([...step()[0].dataSync()]).not.toEqual([...first.dataSync()]);
    expect(slope.abs().sum().item()).toBeGreaterThan(0);
    expect(() => layer.forward(zeros([2, 3]))).toThrow(/NoisyLinear\(4, 3\): the last axis/);
  });

  test('noise has the variance of its definition', () => {
    random.seed(2);
    const layer = new nn.NoisyLinear(4000, 1);
    // E[sign(z)² |z|] = √(2/π)
    expect(layer.noiseIn.value.square().mean().item()).toBeCloseTo(Math.sqrt(2 / Math.PI), 1);
    expect(layer.noiseIn.value.mean().item()).toBeCloseTo(0, 1);
  });
});

describe('containers', () => {
  test('ModuleList and ModuleDict hold modules and name them', () => {
    class Net extends nn.Module {
      steps = new nn.ModuleList([new nn.Linear(2, 2), new nn.Linear(2, 2)]);
      heads = new nn.ModuleDict({ mean: new nn.Linear(2, 1, { bias: false }) });
      forward() {
        const y = [...this.steps].reduce((z, layer) => layer.forward(z), wave([1, 2], 0));
        return this.heads.get('mean').forward(y);
      }
    }
    const net = new Net();
    net.heads.set('variance', new nn.Linear(2, 1, { bias: false }));
    net.steps.push(new nn.Linear(2, 2, { bias: false }));
    expect(net.namedParameters().map(([name]) => name)).toEqual([
      'steps.0.weight',
      'steps.0.bias',
      'steps.1.weight',
      'steps.1.bias',
      'steps.2.weight',
      'heads.mean.weight',
      'heads.variance.weight',
    ]);
    expect(net.forward().shape).toEqual([1, 1]);
    expect([net.steps.length, net.heads.size, net.heads.has('mean'), net.heads.has('x')]).toEqual([
      3,
      2,
      true,
      false,
    ]);
    expect(net.steps.at(-1)).toBe([...net.steps][2]);
    expect([...net.heads].map(([name]) => name)).toEqual(net.heads.keys());
    expect(() => net.steps.at(3)).toThrow(/there is no module 3, there are 3/);
    expect(() => net.heads.get('x')).toThrow(/no module 'x', there are mean, variance/);
    expect(() => net.steps.forward()).toThrow(/use Sequential/);
    expect(() => net.heads.forward()).toThrow(/no forward of its own/);
  });
});
