// What a model is fed with, equal for every library: shapes of the input and of the labels, and numbers for them.

/** A sequence of numbers in [0, 1) that is the same in each run: Mulberry32 by T. Ettinger. */
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const count = (shape) => shape.reduce((all, n) => all * n, 1);

/** Float32 values in [-1, 1). */
export function floats(shape, seed = 1) {
  const next = generator(seed);
  return Float32Array.from({ length: count(shape) }, () => 2 * next() - 1);
}

/** Integers from 0 to below a bound. */
export function integers(shape, below, seed = 2) {
  const next = generator(seed);
  return Int32Array.from({ length: count(shape) }, () => Math.floor(below * next()));
}

/**
 * Input and labels of a model: `shape` (images channels last), `below` if the input is integers, the labels' shape and number of
 * classes.
 */
export function inputsOf(model, batch) {
  switch (model.type) {
    case 'mlp':
      return { shape: [batch, model.sizes[0]], labels: [batch], classes: model.sizes.at(-1) };
    case 'lenet5':
    case 'convnet':
      return { shape: [batch, 28, 28, 1], labels: [batch], classes: 10 };
    case 'resnet18':
      return { shape: [batch, model.size, model.size, 3], labels: [batch], classes: model.classes };
    case 'lstm': {
      const shape = [batch, model.steps];
      return { shape, below: model.vocabulary, labels: shape, classes: model.vocabulary };
    }
    case 'gpt': {
      const shape = [batch, model.context];
      return { shape, below: model.vocabulary, labels: shape, classes: model.vocabulary };
    }
    default:
      throw new Error(`there is no model ${model.type}`);
  }
}
