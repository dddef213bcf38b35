import type { Tensor } from '../core/tensor.ts';

/**
 * Share of examples whose largest output is that of the label: outputs [..., classes] (logits or probabilities), labels [...] of
 * class numbers; a scalar. Of equal outputs the first counts.
 *
 * @throws if the shapes do not fit
 */
export function accuracy(outputs: Tensor, labels: Tensor): Tensor {
  const expected = outputs.shape.slice(0, -1);
  if (outputs.ndim === 0 || String(labels.shape) !== String(expected))
    throw new Error(
      `accuracy: outputs [${outputs.shape.join(', ')}] need labels of shape [${expected.join(', ')}], got [${labels.shape.join(', ')}]`,
    );
  return outputs.argmax(-1).eq(labels).mean();
}
