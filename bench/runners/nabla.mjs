// nabla itself, in the tier of NABLA_TIER on NABLA_THREADS threads. Training steps are those of docs/guide.md.
import { readFileSync } from 'node:fs';
import { floats, inputsOf, integers } from './inputs.mjs';
import { serve, Unsupported } from './serve.mjs';

await serve(async () => {
  const { jit, tensor, valueAndGrad, vjp } = await import('../../dist/index.js');
  const nn = await import('../../dist/nn/index.js');
  const optim = await import('../../dist/optim/index.js');
  const { LeNet5 } = await import('../../dist/recipes/lenet5.js');
  const models = await import('../models.mjs');
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  let about = `nabla ${version}`;
  if (process.env.NABLA_TIER === 'native') {
    // Without a compiler or koffi, programs would run on the wasm tier.
    const { findCompiler } = await import('../../dist/runtime/cpu/c_compiler.js');
    const { nativeHost } = await import('../../dist/runtime/cpu/native_host.js');
    const [compiler, host] = [findCompiler(), nativeHost()];
    if (typeof host === 'string') throw new Error(host);
    if (typeof compiler === 'string') throw new Error(compiler);
    about += ` with ${compiler.kind} ${compiler.version}`;
  }

  const modelOf = (spec) => {
    switch (spec.type) {
      case 'mlp':
        return new models.Mlp(spec.sizes);
      case 'lenet5':
        return new LeNet5();
      case 'convnet':
        return new models.ConvNet();
      case 'lstm':
        if (models.CharLstm === undefined) throw new Unsupported('no LSTM yet');
        return new models.CharLstm({ symbols: spec.vocabulary, hidden: spec.hidden });
      case 'gpt':
        if (models.Gpt === undefined) throw new Unsupported('no GPT yet');
        return new models.Gpt({ ...spec, symbols: spec.vocabulary });
      case 'resnet18':
        if (models.ResNet18 === undefined) throw new Unsupported('no ResNet yet');
        return new models.ResNet18({ classes: spec.classes });
    }
    throw new Unsupported(`no model ${spec.type}`);
  };
  const parameters = (model) =>
    model.parameters().reduce((sum, { shape }) => sum + shape.reduce((all, n) => all * n, 1), 0);
  /** An array in the library's memory. */
  const kept = (values, shape) => {
    const array = tensor(values).reshape(shape);
    array.dataSync();
    return array;
  };
  const dataOf = ({ shape, below }) =>
    below === undefined ? kept(floats(shape), shape) : kept(integers(shape, below), shape);

  const prepare = {
    train({ model: spec, batch }) {
      const inputs = inputsOf(spec, batch);
      const model = modelOf(spec);
      const optimizer = new optim.Adam(model, { lr: 1e-3 });
      const step = jit((x, y) => {
        const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
        optimizer.update(grads);
        return loss;
      });
      const x = dataOf(inputs);
      const y = kept(integers(inputs.labels, inputs.classes), inputs.labels);
      return { step: () => step(x, y).item(), size: parameters(model) };
    },
    infer({ model: spec, batch, input }) {
      const inputs = inputsOf(spec, batch);
      const model = modelOf(spec);
      model.eval();
      const forward = jit((x) => model.forward(x));
      const read = (x) => {
        const result = forward(x);
        result.dataSync();
        result.dispose();
      };
      const size = parameters(model);
      if (input === 'fresh') {
        const values = floats(inputs.shape);
        const fresh = () => {
          const x = tensor(values.slice()).reshape(inputs.shape);
          read(x);
          x.dispose();
        };
        return { step: fresh, size };
      }
      const x = dataOf(inputs);
      return { step: () => read(x), size };
    },
    matmul({ size: n }) {
      const [a, b] = [kept(floats([n, n], 1), [n, n]), kept(floats([n, n], 2), [n, n])];
      const multiply = jit((x, y) => x.matmul(y));
      return { step: () => multiply(a, b).dispose(), size: [n, n] };
    },
    conv({ pass, batch, size, in: channels, out, kernel, stride, padding, groups }) {
      const to = Math.floor((size + 2 * padding - kernel) / stride) + 1;
      const shapes = {
        x: [batch, size, size, channels],
        w: [out, kernel, kernel, channels / groups],
        y: [batch, to, to, out],
      };
      const array = (name) => kept(floats(shapes[name]), shapes[name]);
      const conv = (x, w) => nn.conv2d(x, w, { stride, padding, groups });
      if (pass === 'forward') {
        const [f, x, w] = [jit(conv), array('x'), array('w')];
        return { step: () => f(x, w).dispose(), size: shapes.y };
      }
      // The convolution is linear in each argument: its gradient needs the other one and the cotangent.
      const [ct, other] = [array('y'), array(pass === 'data' ? 'w' : 'x')];
      const mine = shapes[pass === 'data' ? 'x' : 'w'];
      const at = kept(new Float32Array(mine.reduce((all, n) => all * n, 1)), mine);
      const f = jit((v, o, c) => vjp(pass === 'data' ? (x) => conv(x, o) : (w) => conv(o, w), v)[1](c));
      const step = () => {
        const result = f(at, other, ct);
        for (const part of [result].flat()) part.dispose();
      };
      return { step, size: mine };
    },
  };
  return { about, prepare: (workload) => prepare[workload.kind](workload) };
});
