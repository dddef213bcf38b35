import { interpolate } from '../core/interpolate.ts';
import type { Tensor } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import { type Builder, plain } from './layer.ts';

/** Layers that prepare images: sizes, and what changes them at random in training. */

/** What is the identity in evaluation, which is all that is here of it. */
class OnlyInEvaluation extends nn.Module {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  /** @throws in training */
  forward(x: Tensor): Tensor {
    if (this.training)
      throw new Error(
        `${this.name}: of Keras's augmentation only what it does in evaluation is here, nothing; augment with nabla/data, and call eval() on this layer`,
      );
    return x;
  }
}

const augmentation: Builder = (config) => {
  const module = new OnlyInEvaluation(`${config.className} ${JSON.stringify(config.name)}`);
  return { module, call: ({ inputs: [x] }) => module.forward(x) };
};

const resizing: Builder = (config) => {
  config.requireChannelsLast();
  const how = config.text('interpolation', 'bilinear');
  if (how !== 'bilinear') return config.unsupported(`interpolation ${JSON.stringify(how)}`);
  for (const key of ['crop_to_aspect_ratio', 'pad_to_aspect_ratio', 'antialias'])
    if (config.flag(key, false)) return config.unsupported(key);
  const size = [config.number('height'), config.number('width')];
  return plain((x) =>
    interpolate(x.dtype.startsWith('float') ? x : x.cast('float32'), { size, mode: 'bilinear' }),
  );
};

/** Builders by Keras's names of classes. */
export const imageLayers: Readonly<Record<string, Builder>> = {
  RandomFlip: augmentation,
  RandomRotation: augmentation,
  RandomZoom: augmentation,
  RandomTranslation: augmentation,
  RandomContrast: augmentation,
  RandomBrightness: augmentation,
  Resizing: resizing,
};
