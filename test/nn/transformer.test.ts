import { expect, test } from 'vitest';
import { ones, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, layerOf, testLayers, wave } from './torch_layers.ts';

test('Transformer as in PyTorch', () => {
  const [given] = casesOf('Transformer');
  const model = layerOf<nn.Transformer>(given);
  checkLayer(given, model, ([source, target]) => [model.forward(source, target)]);
});

test('Transformer has no last normalizations if told so, and refuses other options', () => {
  const sizes = { encoderLayers: 1, decoderLayers: 1, hidden: 4 };
  const model = new nn.Transformer(4, 2, { ...sizes, norm: false });
  expect([model.encoder.norm, model.decoder.norm]).toEqual([null, null]);
  expect(() => new nn.Transformer(4, 2, { ...sizes, layers: 2 } as object)).toThrow(
    /unknown option 'layers'/,
  );
  const x = wave([1, 2, 4], 0);
  expect(() => model.forward(x, x, { mask: 1 } as object)).toThrow(/Transformer: unknown option 'mask'/);
  expect(() => new nn.Transformer(4, 2, { ...sizes, decoderLayers: 0 })).toThrow(
    /TransformerDecoder: the count/,
  );
});

testLayers('EmbeddingBag');

test('EmbeddingBag weights its vectors, and a bag of padding is zeros', () => {
  const bag = new nn.EmbeddingBag(4, 2, { mode: 'sum' });
  const indices = tensor([[1, 3]], { dtype: 'int32' });
  const [one, three] = [bag.weight.value.at(1), bag.weight.value.at(3)];
  const expected = one.mul(2).sub(three);
  expectClose(
    bag
      .forward(indices, tensor([[2, -1]]))
      .at(0)
      .dataSync(),
    expected.dataSync(),
    { atol: 1e-6 },
  );
  for (const mode of ['sum', 'mean', 'max'] as const) {
    const padded = new nn.EmbeddingBag(4, 2, { mode, paddingIndex: 3 });
    expect(padded.forward(zeros([1, 2], { dtype: 'int32' }).add(3)).toArray()).toEqual([[0, 0]]);
  }
  expect(() => bag.forward(ones([1, 2]))).toThrow(
    /indices must be int32 \[batch, length\], got float32 \[1, 2\]/,
  );
  expect(() => bag.forward(indices, ones([2]))).toThrow(/weights must be floats \[1, 2\], got float32 \[2\]/);
  expect(() => new nn.EmbeddingBag(4, 2).forward(indices, ones([1, 2]))).toThrow(
    /for mode 'sum', not 'mean'/,
  );
  expect(() => new nn.EmbeddingBag(4, 2, { paddingIndex: 4 })).toThrow(/from 0 to 3, got 4/);
  expect(() => new nn.EmbeddingBag(4, 2, { mode: 'min' as 'max' })).toThrow(/'sum', 'mean' or 'max'/);
});
