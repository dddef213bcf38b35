import { type Dataset, loader } from '../../src/data/index.ts';
import { random } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { type Callback, fit, type History } from '../../src/train/index.ts';

/** Images of 2x2 pixels: class 1 is brighter above, class 0 below. */
export function toyImages(count: number): Dataset {
  const images = Uint8Array.from({ length: count * 4 }, (_, i) => {
    const above = i % 4 < 2;
    return (above === (Math.floor(i / 4) % 2 === 1) ? 150 : 40) + ((i * 37) % 60);
  });
  return {
    name: 'toy',
    count,
    shape: [2, 2, 1],
    classes: 2,
    images,
    labels: Uint8Array.from({ length: count }, (_, i) => i % 2),
  };
}

/** A classifier with randomness in training, from a seed. */
export function toyModel(seed = 1): nn.Sequential {
  random.seed(seed);
  return new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(4, 3),
    new nn.Tanh(),
    new nn.Dropout(0.25),
    new nn.Linear(3, 2),
  );
}

/** Trains the toy: epochs of three steps, from a seed that only a run that starts anew may depend on. */
export async function trainToy(
  epochs: number,
  callbacks: Callback[],
  options: { seed?: number; lr?: number; signal?: AbortSignal } = {},
): Promise<{ history: History; model: nn.Sequential }> {
  const model = toyModel(options.seed);
  const history = await fit(model, {
    data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
    validation: loader(toyImages(10), { batchSize: 10 }),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: options.lr ?? 0.02 }),
    epochs,
    metrics: { accuracy },
    callbacks,
    signal: options.signal,
  });
  return { history, model };
}
