import type { Tensor } from '../../core/tensor.ts';
import {
  type BinaryCrossEntropyOptions,
  type BinaryLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type SigmoidFocalOptions,
  sigmoidFocalLoss,
} from './binary.ts';
import {
  type CrossEntropyOptions,
  crossEntropy,
  type FocalOptions,
  focalLoss,
  type KlDivOptions,
  klDiv,
  type NllOptions,
  nllLoss,
} from './classification.ts';
import { Loss } from './loss.ts';
import {
  hingeEmbeddingLoss,
  hingeLoss,
  type MarginOptions,
  type MultiMarginOptions,
  multiMarginLoss,
  softMarginLoss,
  squaredHingeLoss,
} from './margins.ts';
import { type MultilabelOptions, multilabelMarginLoss, multilabelSoftMarginLoss } from './multilabel.ts';
import { type DiceOptions, diceLoss, type TverskyOptions, tverskyLoss } from './overlap.ts';
import type { LossOptions } from './reduction.ts';
import {
  type HuberOptions,
  huberLoss,
  l1Loss,
  logCoshLoss,
  mseLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  type SmoothL1Options,
  smoothL1Loss,
} from './regression.ts';

/** Losses of predictions and targets as modules, with PyTorch's names. */

/** {@link l1Loss} of predictions and targets, as a module. */
export class L1Loss extends Loss<[predictions: Tensor, targets: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(l1Loss, options, []);
  }
}

/** {@link mseLoss} of predictions and targets, as a module. */
export class MSELoss extends Loss<[predictions: Tensor, targets: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(mseLoss, options, []);
  }
}

/** {@link huberLoss} of predictions and targets, as a module. */
export class HuberLoss extends Loss<[predictions: Tensor, targets: Tensor], HuberOptions> {
  constructor(options: HuberOptions = {}) {
    super(huberLoss, options, ['delta']);
  }
}

/** {@link smoothL1Loss} of predictions and targets, as a module. */
export class SmoothL1Loss extends Loss<[predictions: Tensor, targets: Tensor], SmoothL1Options> {
  constructor(options: SmoothL1Options = {}) {
    super(smoothL1Loss, options, ['beta']);
  }
}

/** {@link logCoshLoss} of predictions and targets, as a module. */
export class LogCoshLoss extends Loss<[predictions: Tensor, targets: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(logCoshLoss, options, []);
  }
}

/** {@link poissonNllLoss} of predictions and targets, as a module. */
export class PoissonNLLLoss extends Loss<[predictions: Tensor, targets: Tensor], PoissonNllOptions> {
  constructor(options: PoissonNllOptions = {}) {
    super(poissonNllLoss, options, ['logInput', 'full', 'eps']);
  }
}

/** {@link crossEntropy} of logits and labels, as a module. */
export class CrossEntropyLoss extends Loss<[logits: Tensor, labels: Tensor], CrossEntropyOptions> {
  constructor(options: CrossEntropyOptions = {}) {
    super(crossEntropy, options, ['weight', 'ignoreIndex', 'labelSmoothing']);
  }
}

/** {@link nllLoss} of logProbabilities and labels, as a module. */
export class NLLLoss extends Loss<[logProbabilities: Tensor, labels: Tensor], NllOptions> {
  constructor(options: NllOptions = {}) {
    super(nllLoss, options, ['weight', 'ignoreIndex']);
  }
}

/** {@link klDiv} of logProbabilities and targets, as a module. */
export class KLDivLoss extends Loss<[logProbabilities: Tensor, targets: Tensor], KlDivOptions> {
  constructor(options: KlDivOptions = {}) {
    super(klDiv, options, ['logTarget']);
  }
}

/** {@link focalLoss} of logits and labels, as a module. */
export class FocalLoss extends Loss<[logits: Tensor, labels: Tensor], FocalOptions> {
  constructor(options: FocalOptions = {}) {
    super(focalLoss, options, ['gamma', 'weight']);
  }
}

/** {@link binaryCrossEntropy} of probabilities and targets, as a module. */
export class BCELoss extends Loss<[probabilities: Tensor, targets: Tensor], BinaryCrossEntropyOptions> {
  constructor(options: BinaryCrossEntropyOptions = {}) {
    super(binaryCrossEntropy, options, ['weight']);
  }
}

/** {@link binaryCrossEntropyWithLogits} of logits and targets, as a module. */
export class BCEWithLogitsLoss extends Loss<[logits: Tensor, targets: Tensor], BinaryLogitsOptions> {
  constructor(options: BinaryLogitsOptions = {}) {
    super(binaryCrossEntropyWithLogits, options, ['weight', 'posWeight']);
  }
}

/** {@link sigmoidFocalLoss} of logits and targets, as a module. */
export class SigmoidFocalLoss extends Loss<[logits: Tensor, targets: Tensor], SigmoidFocalOptions> {
  constructor(options: SigmoidFocalOptions = {}) {
    super(sigmoidFocalLoss, options, ['alpha', 'gamma']);
  }
}

/** {@link hingeLoss} of scores and signs, as a module. */
export class HingeLoss extends Loss<[scores: Tensor, signs: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(hingeLoss, options, []);
  }
}

/** {@link squaredHingeLoss} of scores and signs, as a module. */
export class SquaredHingeLoss extends Loss<[scores: Tensor, signs: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(squaredHingeLoss, options, []);
  }
}

/** {@link softMarginLoss} of scores and signs, as a module. */
export class SoftMarginLoss extends Loss<[scores: Tensor, signs: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(softMarginLoss, options, []);
  }
}

/** {@link hingeEmbeddingLoss} of distances and signs, as a module. */
export class HingeEmbeddingLoss extends Loss<[distances: Tensor, signs: Tensor], MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(hingeEmbeddingLoss, options, ['margin']);
  }
}

/** {@link multiMarginLoss} of scores and labels, as a module. */
export class MultiMarginLoss extends Loss<[scores: Tensor, labels: Tensor], MultiMarginOptions> {
  constructor(options: MultiMarginOptions = {}) {
    super(multiMarginLoss, options, ['p', 'margin', 'weight']);
  }
}

/** {@link multilabelMarginLoss} of scores and labels, as a module. */
export class MultiLabelMarginLoss extends Loss<[scores: Tensor, labels: Tensor], LossOptions> {
  constructor(options: LossOptions = {}) {
    super(multilabelMarginLoss, options, []);
  }
}

/** {@link multilabelSoftMarginLoss} of scores and targets, as a module. */
export class MultiLabelSoftMarginLoss extends Loss<[scores: Tensor, targets: Tensor], MultilabelOptions> {
  constructor(options: MultilabelOptions = {}) {
    super(multilabelSoftMarginLoss, options, ['weight']);
  }
}

/** {@link diceLoss} of probabilities and targets, as a module. */
export class DiceLoss extends Loss<[probabilities: Tensor, targets: Tensor], DiceOptions> {
  constructor(options: DiceOptions = {}) {
    super(diceLoss, options, ['smooth']);
  }
}

/** {@link tverskyLoss} of probabilities and targets, as a module. */
export class TverskyLoss extends Loss<[probabilities: Tensor, targets: Tensor], TverskyOptions> {
  constructor(options: TverskyOptions = {}) {
    super(tverskyLoss, options, ['alpha', 'beta', 'smooth']);
  }
}
