import { tensor } from '../core/tensor.ts';
import { ReLU } from '../nn/activation_layers.ts';
import { Linear } from '../nn/linear.ts';
import type { Layer } from '../nn/module.ts';
import { Sequential } from '../nn/sequential.ts';
import type { Demonstration } from './recipe.ts';
import { integer, type Values } from './settings.ts';
import { xorOfNands } from './xor.ts';

/** A layer of given weights: rows are units. */
function layer(weights: readonly (readonly number[])[], biases: readonly number[]): Linear {
  const made = new Linear(weights[0].length, weights.length);
  made.loadStateDict({ weight: tensor(weights.map((row) => [...row])), bias: tensor([...biases]) });
  return made;
}

/**
 * The sawtooth of 2^levels straight pieces on [0, 1] as a deep network: the tent map `2 relu(x) - 4 relu(x - 1/2)`, `levels` times over, with two
 * ReLU units in each hidden layer (Telgarsky: Benefits of depth in neural networks, 2016).
 */
export function deepSawtooth(levels: number): Sequential {
  const layers: Layer[] = [];
  for (let level = 0; level < levels; level++) {
    // What the level before left in two units, 2 a - 4 b, is the input of both units of this one.
    const input = level === 0 ? [1] : [2, -4];
    layers.push(layer([input, input], [0, -0.5]), new ReLU());
  }
  return new Sequential(...layers, layer([[2, -4]], [0]));
}

/** The same sawtooth with one hidden layer of 2^levels units: each of its 2^levels - 1 bends takes one, and the slope at 0 one more. */
export function shallowSawtooth(levels: number): Sequential {
  const pieces = 2 ** levels;
  const bends = Array.from({ length: pieces }, (_, i) => -i / pieces);
  // Slopes alternate between pieces and -pieces.
  const slopes = bends.map((_, i) => (i === 0 ? pieces : i % 2 === 1 ? -2 * pieces : 2 * pieces));
  return new Sequential(
    layer(
      bends.map(() => [1]),
      bends,
    ),
    new ReLU(),
    layer([slopes], [0]),
  );
}

/** Hidden units of a network. */
export const hiddenUnits = (network: Sequential): number =>
  [...network.layers]
    .filter((part): part is Linear => part instanceof Linear)
    .slice(0, -1)
    .reduce((sum, part) => sum + part.weight.shape[0], 0);

/** Straight pieces of a network's function on [0, 1], seen at 4 * 2^levels + 1 places. */
export function pieces(network: Layer, levels: number): number {
  const steps = 4 * 2 ** levels;
  const xs = Array.from({ length: steps + 1 }, (_, i) => [i / steps]);
  const ys = network.forward(tensor(xs)).dataSync();
  let count = 1;
  for (let i = 1; i < steps; i++)
    // Multiples of powers of two: no rounding.
    if (ys[i + 1] - ys[i] !== ys[i] - ys[i - 1]) count++;
  return count;
}

/** Parity of bits, by a chain of exclusive ors of four NANDs each: 4 (n - 1) units. */
export const parityOfNands = (bits: readonly number[]): number =>
  bits.slice(1).reduce((parity, bit) => xorOfNands(parity, bit), bits[0]);

/**
 * Terms that an OR of ANDs needs for the parity of n bits, by trying all inputs: no two odd inputs differ in one bit only, so no term can
 * cover two of them, and each needs a term of its own.
 */
export function parityTerms(n: number): number {
  const isOdd = (input: number): boolean => {
    let ones = 0;
    for (let rest = input; rest > 0; rest >>= 1) ones += rest & 1;
    return ones % 2 === 1;
  };
  let terms = 0;
  for (let input = 0; input < 2 ** n; input++) {
    if (!isOdd(input)) continue;
    for (let bit = 0; bit < n; bit++)
      if (isOdd(input ^ (1 << bit))) throw new Error('parityTerms: neighbours have the same parity');
    terms++;
  }
  return terms;
}

const settings = {
  levels: integer('levels of the sawtooth', 8, [1, 12]),
  bits: integer('bits of the parity', 10, [2, 16]),
};

/** What depth saves: units of deep and of shallow networks for the same function. */
export const shallowVsDeep: Demonstration<Values<typeof settings>> = {
  name: 'shallow-vs-deep',
  summary: 'how many units a function takes with one hidden layer and with many: sawtooth and parity',
  settings,
  demonstrate: ({ levels, bits }, page) => {
    page.print('sawtooth: ReLU units of a deep network, and of one with a single hidden layer');
    page.print('levels  pieces   deep  shallow  largest difference');
    for (let level = 1; level <= levels; level++) {
      const [deep, shallow] = [deepSawtooth(level), shallowSawtooth(level)];
      const xs = tensor(Array.from({ length: 1025 }, (_, i) => [i / 1024]));
      const difference = deep.forward(xs).sub(shallow.forward(xs)).abs().max().item();
      const cells = [pieces(deep, level), hiddenUnits(deep), hiddenUnits(shallow)];
      page.print(
        `${String(level).padStart(6)}  ${String(cells[0]).padStart(6)}  ${String(cells[1]).padStart(5)}  ${String(cells[2]).padStart(7)}  ${difference}`,
      );
    }
    page.print();
    page.print('parity: NANDs in a chain, and ANDs below one OR');
    page.print('  bits  chain  OR of ANDs');
    for (let n = 2; n <= bits; n++)
      page.print(
        `${String(n).padStart(6)}  ${String(4 * (n - 1)).padStart(5)}  ${String(parityTerms(n)).padStart(10)}`,
      );
    page.print('(Units that count can do parity in one layer of n: it is not depth alone that matters.)');
  },
};
