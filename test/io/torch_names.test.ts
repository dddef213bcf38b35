import { expect, test } from 'vitest';
import { namesInModel } from '../../src/io/torch_names.ts';

const translated = (names: string[], model: string[]): (string | undefined)[] => {
  const map = namesInModel(names, (name) => model.includes(name));
  return names.map((name) => map.get(name));
};

test.each([
  ['bn1.running_mean', 'bn1.runningMean'],
  ['bn1.running_var', 'bn1.runningVar'],
  ['running_var', 'runningVar'],
  ['bn1.num_batches_tracked', 'bn1.batchesTracked'],
  ['rnn.weight_ih_l0', 'rnn.cells.0.weightIh'],
  ['rnn.bias_hh_l11', 'rnn.cells.11.biasHh'],
  ['cell.weight_hh', 'cell.weightHh'],
  ['bias_ih', 'biasIh'],
  ['attention.in_proj_weight', 'attention.inProj.weight'],
  ['attention.out_proj.bias', 'attention.outProj.bias'],
  ['decoder.self_attn.in_proj_bias', 'decoder.selfAttention.inProj.bias'],
  ['decoder.multihead_attn.out_proj.weight', 'decoder.crossAttention.outProj.weight'],
  ['decoder.self_attn.in_proj_bias', 'decoder.selfAttn.inProj.bias'],
  ['first_block.0.layer_norm2.weight', 'firstBlock.0.layerNorm2.weight'],
  ['first_block.bn.running_mean', 'firstBlock.bn.runningMean'],
])('%s is %s', (name, ours) => {
  expect(translated([name], [ours])).toEqual([ours]);
});

test('a name that the model has stays, and so does one that fits nothing', () => {
  expect(translated(['my_layer.weight', 'x_y.weight'], ['my_layer.weight', 'myLayer.weight'])).toEqual([
    'my_layer.weight',
    'x_y.weight',
  ]);
});

test('cells of both directions take turns, per network', () => {
  const names = [
    'a.weight_ih_l0',
    'a.weight_ih_l0_reverse',
    'a.weight_ih_l1',
    'a.weight_ih_l1_reverse',
    'b.weight_ih_l1',
  ];
  const model = [0, 1, 2, 3].map((i) => `a.cells.${i}.weightIh`).concat('b.cells.1.weightIh');
  expect(translated(names, model)).toEqual(model);
});

test('the prefix of DataParallel goes only where all have it and the model does not', () => {
  expect(translated(['module.a.weight', 'module.b.weight'], ['a.weight', 'b.weight'])).toEqual([
    'a.weight',
    'b.weight',
  ]);
  expect(translated(['module.a', 'b'], ['a', 'b'])).toEqual(['module.a', 'b']);
  expect(translated(['module.a'], ['module.a', 'a'])).toEqual(['module.a']);
});
