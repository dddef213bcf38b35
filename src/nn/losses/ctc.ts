import { scan } from '../../core/control.ts';
import { arange, full } from '../../core/create.ts';
import { checkOptions } from '../../core/options.ts';
import { concat, stack, type Tensor, tensor, where } from '../../core/tensor.ts';
import { stopGradient } from '../../core/transforms.ts';
import { isFloat } from '../../graph/dtype.ts';
import { type LossOptions, reduced, reductionOf } from './reduction.ts';

/** Options of {@link ctcLoss}. `mean` divides each loss by the length of its target first, as in PyTorch. */
export interface CtcOptions extends LossOptions {
  /** Class of "no label here". Default 0. */
  blank?: number;
  /** Frames of each example, integers [batch]. Default: all. */
  inputLengths?: readonly number[] | Tensor;
  /** Labels of each example, integers [batch]. Default: all. */
  targetLengths?: readonly number[] | Tensor;
  /** Infinite losses, of targets that do not fit into the frames, count as 0. Default false. */
  zeroInfinity?: boolean;
}

/** Stands for log 0: finite, so that no derivative becomes NaN. */
const never = -1e30;

function lengthsOf(
  name: string,
  given: readonly number[] | Tensor | undefined,
  batch: number,
  most: number,
): Tensor {
  if (given === undefined) return full([batch], most, { dtype: 'int32' });
  if (Array.isArray(given)) {
    const wrong = given.find((length) => !Number.isInteger(length) || length < 0 || length > most);
    if (given.length !== batch || wrong !== undefined)
      throw new Error(
        `ctcLoss: ${name} must be ${batch} integers from 0 to ${most}, got [${given.join(', ')}]`,
      );
    return tensor(given, { dtype: 'int32' });
  }
  const lengths = given as Tensor;
  if (String(lengths.shape) !== String([batch]) || isFloat(lengths.dtype))
    throw new Error(
      `ctcLoss: ${name} must be integers [${batch}], got ${lengths.dtype} [${lengths.shape.join(', ')}]`,
    );
  return lengths.cast('int32');
}

/**
 * Connectionist temporal classification: minus the log-probability that frames spell a target, summed over all ways to place its
 * labels in order with blanks between them. By the forward algorithm in logarithms, one step of a `scan` for each frame. Graves,
 * Fernández, Gomez, Schmidhuber (2006).
 *
 * Gradients are those of this function. PyTorch's are the same only after a log-softmax.
 *
 * @param logProbabilities [batch, frames, classes] (PyTorch: frames first), from logSoftmax
 * @param targets class numbers [batch, labels], padded with anything
 * @throws if shapes or lengths do not fit, or blank is no class
 */
export function ctcLoss(logProbabilities: Tensor, targets: Tensor, options: CtcOptions = {}): Tensor {
  const names = ['reduction', 'blank', 'inputLengths', 'targetLengths', 'zeroInfinity'];
  checkOptions('ctcLoss', options, names);
  const { blank = 0, zeroInfinity = false } = options;
  const [batch, frames, classes] = logProbabilities.shape;
  const fits = logProbabilities.ndim === 3 && targets.ndim === 2 && targets.shape[0] === batch;
  if (!fits || frames === 0 || isFloat(targets.dtype) || targets.dtype === 'bool')
    throw new Error(
      'ctcLoss: needed are log-probabilities [batch, frames, classes] and integer targets [batch, labels], ' +
        `got [${logProbabilities.shape.join(', ')}] and ${targets.dtype} [${targets.shape.join(', ')}]`,
    );
  if (!Number.isInteger(blank) || blank < 0 || blank >= classes)
    throw new Error(`ctcLoss: blank must be a class from 0 to ${classes - 1}, got ${blank}`);
  const labels = targets.shape[1];
  const inputLengths = lengthsOf('inputLengths', options.inputLengths, batch, frames);
  const targetLengths = lengthsOf('targetLengths', options.targetLengths, batch, labels);

  const path = withBlanks(targets.cast('int32'), blank);
  const final = lastStates(logProbabilities, path, blank, inputLengths);
  const losses = spelling(final, targetLengths).neg();
  const isPossible = losses.lt(-never / 10);
  const whole = where(isPossible, losses, zeroInfinity ? 0 : Infinity);
  const reduction = reductionOf('ctcLoss', options);
  const scaled = reduction === 'mean' ? whole.div(targetLengths.maximum(1).cast(whole.dtype)) : whole;
  return reduced('ctcLoss', scaled, { reduction });
}

/** A blank before, between and after the labels: [batch, 2 labels + 1]. */
function withBlanks(targets: Tensor, blank: number): Tensor {
  const [batch, labels] = targets.shape;
  const column = full([batch, 1], blank, { dtype: 'int32' });
  if (labels === 0) return column;
  const pairs = stack([full([batch, labels], blank, { dtype: 'int32' }), targets], 2);
  return concat([pairs.reshape([batch, 2 * labels]), column], 1);
}

/** x with its last axis moved to the right by n, log 0 on the left. */
function delayed(x: Tensor, n: number): Tensor {
  const [batch, size] = x.shape;
  const fill = full([batch, Math.min(n, size)], never, { dtype: x.dtype });
  return size <= n ? fill : concat([fill, x.slice(null, [0, size - n])], 1);
}

/** Log-probabilities of having come to each place of the path by the last frame, [batch, places]. */
function lastStates(logProbabilities: Tensor, path: Tensor, blank: number, inputLengths: Tensor): Tensor {
  const [batch, frames] = logProbabilities.shape;
  const places = path.shape[1];
  const { dtype } = logProbabilities;
  const indices = path.unsqueeze(1).broadcastTo([batch, frames, places]);
  const emitted = logProbabilities.takeAlongAxis(indices, -1).maximum(never).transpose([1, 0, 2]);
  // A blank may be left out between two labels that differ.
  const before = places > 2 ? path.slice(null, [0, places - 2]) : path.slice(null, [0, 0]);
  const edge = full([batch, Math.min(2, places)], blank, { dtype: 'int32' });
  const twoBack = places > 2 ? concat([edge, before], 1) : edge;
  const mayJump = path.ne(blank).logicalAnd(path.ne(twoBack));
  const isFirst = arange(places).eq(0);
  const start = where(isFirst, full([places], 0, { dtype }), never).broadcastTo([batch, places]);
  const step = (state: Tensor, [frame, probabilities]: [Tensor, Tensor]): [Tensor, null] => {
    const jumped = where(mayJump, delayed(state, 2), never);
    const moved = sumOfExponentials([state, delayed(state, 1), jumped]).add(probabilities);
    return [where(frame.lt(inputLengths).unsqueeze(1), moved, state), null];
  };
  // Before the first frame the path is at a place from which the first two can be reached.
  const numbers = arange(frames);
  return scan(step, start, [numbers, emitted] as [Tensor, Tensor])[0];
}

/** The log-probability to end at the last label or at the blank after it. */
function spelling(final: Tensor, targetLengths: Tensor): Tensor {
  const last = targetLengths.mul(2).unsqueeze(1);
  const atBlank = final.takeAlongAxis(last, 1);
  const atLabel = final.takeAlongAxis(last.sub(1).maximum(0), 1);
  return sumOfExponentials([atBlank, where(last.gt(0), atLabel, never)]).squeeze(1);
}

/** log Σ eˣ over arrays of one shape. */
function sumOfExponentials(terms: readonly Tensor[]): Tensor {
  const top = stopGradient(terms.reduce((a, b) => a.maximum(b)));
  return terms
    .map((term) => term.sub(top).exp())
    .reduce((a, b) => a.add(b))
    .log()
    .add(top);
}
