import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.ts';
import { concat, eye, grad, jit, linalg, ones, random, stack, vmap, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';

/** What people type who have another library in their fingers, or no type checker: each gets a sentence that helps. */
const x = ones([2, 3]);
// biome-ignore lint/suspicious/noExplicitAny: mistakes that the type checker would see
const a = <T>(value: T): any => value;

const mistakes: readonly (readonly [() => unknown, RegExp])[] = [
  [() => zeros(a(5)), /^zeros: a shape is a list .* got 5; a vector of 5 elements has the shape \[5\]$/],
  [() => ones(a('a')), /^ones: a shape is a list/],
  [() => eye(-1), /^eye: .* got \[-1,-1\]/],
  [() => random.uniform(a(5)), /^random.uniform: a shape is a list/],
  [() => random.normal([2], a(0)), /^random.normal: options come as an object such as \{ mean/],
  [() => random.uniform([2], a({ min: 0 })), /^random.uniform: unknown option 'min'; options are low, high/],
  [() => random.randint(a(0), 2, a([3])), /^random.randint: a shape is a list/],
  [() => random.bernoulli(a([3]), a(0.5)), /^random.bernoulli: parameters are numbers or arrays, got \[3\]/],
  [() => x.matmul(a(3)), /^matmul: needs an array, got 3; .*tensor\(\)/],
  [() => x.matmul(a(new nn.Linear(3, 3).weight)), /^matmul: needs an array, got Parameter; use the value/],
  [() => x.mm(a([1])), /^mm: needs an array, got Array/],
  [() => x.reshape(a(3)), /^reshape: the new shape is a list/],
  [() => x.sum(a('a')), /^sum: axes are a number or a list of numbers, got "a"/],
  [() => x.softmax(7), /^softmax: axis 7/],
  [() => x.logSoftmax(7), /^logSoftmax: axis 7/],
  [() => x.slice(a(0), a(1)), /^slice: a range is \[start, end\].* got 0 on axis 0; at\(\)/],
  [() => x.take(a(5)), /^take: indices are an array of integers or a list of numbers, got 5; at\(\)/],
  [() => concat(a(x)), /^concat: takes a list of arrays/],
  [() => stack([x, ones([3])]), /^stack: arrays must have one shape, got \[2, 3\] and \[3\]/],
  [() => grad(a(3)), /^grad: takes a function, got number/],
  [() => jit(a(undefined)), /^jit: takes a function, got undefined/],
  [() => vmap(a(null)), /^vmap: takes a function, got null/],
  [() => grad((y) => y.sum())(a(5)), /^grad: argument 0 is the number 5.*tensor\(5\)/],
  [() => new nn.Linear(3, 4).forward(a(5)), /^Linear\(3, 4\): the last axis of the input must be 3, got 5/],
  [() => new nn.Conv2d(1, 6, a(undefined)), /^Conv2d: kernel must be an integer.* got undefined/],
  [() => new nn.Sequential(a([new nn.ReLU()])), /^Sequential: argument 0 .* without brackets/],
  [() => new nn.Sequential(a(3)), /^Sequential: argument 0 is neither a layer nor a function/],
  [() => nn.crossEntropy(x, a(undefined)), /^crossEntropy: labels must be an array, got undefined/],
  [() => nn.mseLoss(x, a(3)), /^mseLoss: targets must be an array, got number/],
  [
    () => new optim.SGD(new nn.Linear(2, 2), a(0.1)),
    /^SGD: options come as an object such as \{ lr: \.\.\. \}, got 0.1/,
  ],
];

describe('mistakes', () => {
  it.each(mistakes)('%s', (mistake, message) => {
    expect(mistake).toThrow(message);
  });

  it('labels that are no classes make the loss NaN, but for those to be ignored', () => {
    const labels = tensor([0, 3], { dtype: 'int32' });
    expect(nn.crossEntropy(x, labels).item()).toBeNaN();
    expect(nn.crossEntropy(x, labels, { ignoreIndex: 3 }).item()).toBeCloseTo(Math.log(3), 6);
    expect(jit(() => nn.crossEntropy(x, tensor([-1, 1], { dtype: 'int32' })))().item()).toBeNaN();
  });

  it('linalg has the names of PyTorch', () => {
    expect(linalg.inv(tensor([[2]])).toArray()).toEqual([[0.5]]);
  });
});
