import { describe, expect, test } from 'vitest';
import { grad, jit, type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { wave } from './torch_layers.ts';

const x = wave([2, 3], 0);

describe('onForward', () => {
  test('hears every call until it stops, and leaves nothing behind', () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU());
    const first = model.layers[0] as nn.Linear;
    const heard: [Tensor, unknown][] = [];
    const stop = first.onForward((output, input) => void heard.push([output, input]));
    const y = model.forward(x);
    expect(heard).toHaveLength(1);
    expect(heard[0][1]).toBe(x);
    expectClose(heard[0][0].relu().dataSync(), y.dataSync());
    stop();
    stop();
    model.forward(x);
    expect(heard).toHaveLength(1);
    expect(Object.getOwnPropertyNames(first)).not.toContain('forward');
  });

  test('may replace the output; several listeners follow each other', () => {
    const layer = new nn.Identity();
    const stops = [layer.onForward((y) => y.add(1)), layer.onForward((y) => y.mul(10))];
    expect(layer.forward(tensor([2])).toArray()).toEqual([30]);
    stops[0]();
    expect(layer.forward(tensor([2])).toArray()).toEqual([20]);
    stops[1]();
    expect(layer.forward(tensor([2])).toArray()).toEqual([2]);
  });

  test('gives arrays back through jit, which compiles anew when listeners change', () => {
    const layer = new nn.Linear(3, 2);
    let inner: Tensor[] = [];
    const stop = layer.onForward((y) => void inner.push(y));
    const f = jit((v: Tensor) => {
      inner = [];
      const y = layer.forward(v).square().sum();
      return { y, inner };
    });
    expectClose(
      f(x).inner[0].dataSync(),
      layer.weight.value.matmul(x.T).T.add(layer.bias!.value).dataSync(),
      {
        atol: 1e-6,
      },
    );
    const end = layer.onForward((y) => y.mul(0));
    expect(f(x).y.item()).toBe(0);
    stop();
    expect(f(x).inner).toHaveLength(0);
    end();
    expect(f(x).y.item()).toBeGreaterThan(0);
  });

  test('works on a module whose forward is a field, and for layers with several results', () => {
    class Doubling extends nn.Module {
      forward = (v: Tensor) => v.mul(2);
    }
    const layer = new Doubling();
    const stop = layer.onForward((y) => y.add(1));
    expect(layer.forward(tensor([1])).toArray()).toEqual([3]);
    stop();
    expect(layer.forward(tensor([1])).toArray()).toEqual([2]);
    const lstm = new nn.LSTM(3, 2);
    let state: nn.LSTMState | null = null;
    lstm.onForward(([, last]) => {
      state = last;
    });
    const [, [h]] = lstm.forward(x.unsqueeze(0));
    expectClose(state![0].dataSync(), h.dataSync());
  });
});

describe('onBackward', () => {
  test('hears the gradient of the output', () => {
    const layer = new nn.Linear(3, 2);
    const heard: Tensor[] = [];
    const stop = layer.onBackward((gradient) => void heard.push(gradient));
    const weights = wave([2, 2], 1);
    valueAndGrad(() => layer.forward(x).mul(weights).sum(), layer);
    expect(heard).toHaveLength(1);
    expectClose(heard[0].dataSync(), weights.dataSync());
    stop();
    valueAndGrad(() => layer.forward(x).sum(), layer);
    expect(heard).toHaveLength(1);
  });

  test('may replace it, and has part in jit and second derivatives', () => {
    const layer = new nn.Identity();
    layer.onBackward((gradient) => gradient.clip(-1, 1));
    const slope = jit(grad((v: Tensor) => layer.forward(v).square().sum()));
    expect(slope(tensor([0.25, 3])).toArray()).toEqual([0.5, 1]);
    const second = grad((v: Tensor) => grad((u: Tensor) => layer.forward(u).square().sum())(v).sum());
    // Of 2, the slope of the clipped gradient, 1 is left: on its way back it passes the layer, too.
    expect(second(tensor([0.25, 3])).toArray()).toEqual([1, 0]);
  });

  test('of several results gets a tree', () => {
    const lstm = new nn.LSTM(3, 2);
    let shapes: unknown = null;
    lstm.onBackward(([output, [h, c]]) => {
      shapes = [output, h, c].map(({ shape }) => shape);
    });
    grad((v: Tensor) => lstm.forward(v)[0].sum())(x.unsqueeze(0)).dataSync();
    expect(shapes).toEqual([
      [1, 2, 2],
      [1, 1, 2],
      [1, 1, 2],
    ]);
  });
});

test('a summary leaves listeners as they were', () => {
  const layer = new nn.Linear(3, 2);
  let calls = 0;
  layer.onForward(() => {
    calls++;
  });
  nn.summarize(layer, [1, 3]);
  layer.forward(x);
  expect(calls).toBe(2);
});
