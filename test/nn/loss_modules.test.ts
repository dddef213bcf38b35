import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { fit } from '../../src/train/index.ts';
import { casesOf } from '../support/torch_cases.ts';
import { checkTorchCases, type TorchCompute } from '../support/torch_check.ts';

type AnyLoss = nn.Loss<readonly Tensor[], { reduction?: string }>;
type LossClass = new (options?: object) => AnyLoss;
const exported = nn as unknown as Record<string, unknown>;

/** Modules by their functions. */
const modules: Record<string, LossClass> = Object.fromEntries(
  Object.entries({
    l1Loss: nn.L1Loss,
    mseLoss: nn.MSELoss,
    huberLoss: nn.HuberLoss,
    smoothL1Loss: nn.SmoothL1Loss,
    logCoshLoss: nn.LogCoshLoss,
    poissonNllLoss: nn.PoissonNLLLoss,
    gaussianNllLoss: nn.GaussianNLLLoss,
    crossEntropy: nn.CrossEntropyLoss,
    nllLoss: nn.NLLLoss,
    klDiv: nn.KLDivLoss,
    focalLoss: nn.FocalLoss,
    binaryCrossEntropy: nn.BCELoss,
    binaryCrossEntropyWithLogits: nn.BCEWithLogitsLoss,
    sigmoidFocalLoss: nn.SigmoidFocalLoss,
    hingeLoss: nn.HingeLoss,
    squaredHingeLoss: nn.SquaredHingeLoss,
    softMarginLoss: nn.SoftMarginLoss,
    hingeEmbeddingLoss: nn.HingeEmbeddingLoss,
    marginRankingLoss: nn.MarginRankingLoss,
    multiMarginLoss: nn.MultiMarginLoss,
    multilabelMarginLoss: nn.MultiLabelMarginLoss,
    multilabelSoftMarginLoss: nn.MultiLabelSoftMarginLoss,
    cosineEmbeddingLoss: nn.CosineEmbeddingLoss,
    contrastiveLoss: nn.ContrastiveLoss,
    tripletMarginLoss: nn.TripletMarginLoss,
    tripletMarginWithDistanceLoss: nn.TripletMarginWithDistanceLoss,
    diceLoss: nn.DiceLoss,
    tverskyLoss: nn.TverskyLoss,
    ctcLoss: nn.CTCLoss,
  }).map(([name, kind]) => [name, kind as unknown as LossClass]),
);

describe('losses as modules', () => {
  test('every function has one, and all of PyTorch are there', () => {
    const functions = Object.keys(exported).filter((name) =>
      /^[a-z].*Loss$|^(crossEntropy|klDiv|binaryCrossEntropy.*)$/.test(name),
    );
    expect(Object.keys(modules).sort()).toEqual(functions.sort());
    const classes = Object.values(exported).filter(
      (value) => typeof value === 'function' && value.prototype instanceof nn.Loss,
    );
    expect(new Set(Object.values(modules))).toEqual(new Set(classes));
    // The list of torch.nn, 2.13.
    const torch =
      'L1Loss MSELoss CrossEntropyLoss CTCLoss NLLLoss PoissonNLLLoss GaussianNLLLoss KLDivLoss BCELoss BCEWithLogitsLoss ' +
      'MarginRankingLoss HingeEmbeddingLoss MultiLabelMarginLoss HuberLoss SmoothL1Loss SoftMarginLoss MultiLabelSoftMarginLoss ' +
      'CosineEmbeddingLoss MultiMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss AdaptiveLogSoftmaxWithLoss';
    for (const name of torch.split(' ')) expect(exported[name], name).toBeTypeOf('function');
  });

  const cases = casesOf('torch_losses.json');
  const computeOf =
    (op: string): TorchCompute =>
    (inputs, attributes) => {
      const { options, tensors } = attributes as unknown as {
        options: Record<string, unknown>;
        tensors: string[];
      };
      const count = inputs.length - tensors.length;
      const given = tensors.map((name, i) => [name, inputs[count + i]] as const);
      const { inputLengths, targetLengths, ...rest } = { ...options, ...Object.fromEntries(given) } as Record<
        string,
        unknown
      >;
      if (op === 'tripletMarginWithDistanceLoss')
        rest.distanceFunction = (a: Tensor, b: Tensor) => a.sub(b).abs().sum(-1);
      const [first, ...others] = inputs.slice(0, count);
      const loss = new modules[op](rest);
      if (op !== 'ctcLoss') return loss.forward(first, ...others);
      return loss.forward(first.logSoftmax(-1), ...others, ...([inputLengths, targetLengths] as Tensor[]));
    };
  test.each(Object.keys(modules))('%s is as in PyTorch', (name) => {
    const own = cases.filter(({ op }) => op === name);
    expect(own.length).toBeGreaterThan(0);
    checkTorchCases(computeOf(name), own, { float: 'float32', rtol: 1e-5, isJitted: true });
  });

  test('each gives the losses of the examples', () => {
    const x = tensor([
      [1, 2, 3],
      [0, 1, -1],
    ]);
    const y = tensor([2, 0], { dtype: 'int32' });
    const smooth = new nn.CrossEntropyLoss({ labelSmoothing: 0.1, reduction: 'sum' });
    expect(smooth.each(x, y).toArray()).toEqual(
      nn.crossEntropy(x, y, { labelSmoothing: 0.1, reduction: 'none' }).toArray(),
    );
    expect(smooth.forward(x, y).item()).toBeCloseTo(smooth.each(x, y).sum().item(), 5);
    expect(smooth.options).toEqual({ labelSmoothing: 0.1, reduction: 'sum' });
    expect(smooth.parameters()).toEqual([]);
    expect(() => new nn.MSELoss({ delta: 1 } as never)).toThrow("MSELoss: unknown option 'delta'");
    expect(() => new nn.HuberLoss({ delta: -1 }).forward(x, x)).toThrow('huberLoss: delta must be positive');
  });

  test('fit takes them, with weights of examples', async () => {
    const x = tensor([
      [1, 2],
      [3, -4],
      [0.5, 1],
    ]);
    const y = tensor([0, 1, 1], { dtype: 'int32' });
    const weights = tensor([1, 2, 0.5]);
    const result = async (loss: unknown) => {
      const model = new nn.Linear(2, 2);
      model.loadStateDict({
        weight: tensor([
          [0.1, 0.2],
          [-0.3, 0.4],
        ]),
        bias: tensor([0, 0.1]),
      });
      const optimizer = new optim.SGD(model, { lr: 0.1 });
      const options = {
        data: { x, y, weights },
        loss: loss as nn.CrossEntropyLoss,
        optimizer,
        epochs: 2,
        shuffle: false,
      };
      return (await fit(model, options)).epochs;
    };
    const smooth = (o: Tensor, t: Tensor, more: object) =>
      nn.crossEntropy(o, t, { labelSmoothing: 0.2, ...more });
    expect(await result(new nn.CrossEntropyLoss({ labelSmoothing: 0.2 }))).toEqual(await result(smooth));
  });
});

describe('AdaptiveLogSoftmaxWithLoss', () => {
  const golden = JSON.parse(
    readFileSync(new URL('../fixtures/torch_training.json', import.meta.url), 'utf8'),
  ).adaptive;
  const close = (actual: unknown, expected: unknown) => {
    const [a, b] = [[actual].flat(9), [expected].flat(9)] as number[][];
    expect(a).toHaveLength(b.length);
    a.forEach((value, i) => {
      expect(Math.abs(value - b[i])).toBeLessThan(1e-5 * Math.max(1, Math.abs(b[i])));
    });
  };

  test('is as in PyTorch, with its parameters', () => {
    const model = new nn.AdaptiveLogSoftmaxWithLoss(6, 9, [3, 6], { divValue: 2, headBias: true });
    const state = Object.entries(golden.state as Record<string, number[]>);
    model.loadStateDict(Object.fromEntries(state.map(([name, value]) => [name, tensor(value)])));
    const [x, y] = [tensor(golden.x), tensor(golden.y, { dtype: 'int32' })];
    close(model.logProb(x).toArray(), golden.logProb);
    const [[loss, output], grads] = valueAndGrad(() => {
      const { loss, output } = model.forward(x, y);
      return [loss, output] as const;
    }, model);
    close(output.toArray(), golden.output);
    close(loss.item(), golden.loss);
    for (const [name, parameter] of model.namedParameters())
      close(grads.get(parameter)?.toArray(), golden.gradients[name]);
    expect(model.predict(x).toArray()).toEqual(model.logProb(x).argmax(-1).toArray());
    expect(model.logProb(x).exp().sum(-1).toArray()).toEqual(expect.arrayContaining([expect.closeTo(1, 5)]));
  });

  test('refuses cutoffs that do not rise', () => {
    expect(() => new nn.AdaptiveLogSoftmaxWithLoss(6, 9, [3, 3])).toThrow(
      /cutoffs must be integers that rise/,
    );
    expect(() => new nn.AdaptiveLogSoftmaxWithLoss(6, 9, [9])).toThrow(/stay below 9/);
    expect(() => new nn.AdaptiveLogSoftmaxWithLoss(6, 9, [3, 6])).toThrow(/less than one/);
  });
});
