import { fromData, type Tensor } from '../../core/tensor.ts';
import { allocate, type DType, isInteger, type TypedArray } from '../../graph/dtype.ts';
import type { Elements } from './elements.ts';

/** What a name of an ONNX graph stands for while the graph is run: an array, whose elements may be known already. */
export class Value {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The elements, if they do not depend on what is fed to the model. */
  readonly known: TypedArray | readonly number[] | null;
  /** Whether they never change: those of a variable may be trained. */
  readonly constant: boolean;
  #tensor: Tensor | null;
  readonly #what: string;

  private constructor(what: string, tensor: Tensor | null, elements: Elements | null, constant: boolean) {
    const { shape, dtype } = (tensor ?? elements)!;
    this.shape = shape;
    this.dtype = dtype;
    this.known = elements?.data ?? null;
    this.constant = constant;
    this.#tensor = tensor;
    this.#what = what;
  }

  /** An array that is computed. */
  static of = (tensor: Tensor): Value => new Value('', tensor, null, false);
  /** A weight of the file, which may be trained. */
  static weight = (tensor: Tensor, elements: Elements): Value => new Value('', tensor, elements, false);
  /** Elements that never change. */
  static known = (what: string, elements: Elements): Value => new Value(what, null, elements, true);

  /**
   * The array.
   *
   * @throws if it has integers that do not fit 32 bits
   */
  get tensor(): Tensor {
    if (this.#tensor !== null) return this.#tensor;
    const { known, dtype, shape } = this;
    const data = allocate(dtype, known!.length);
    const [low, high] = dtype === 'uint32' ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
    for (let i = 0; i < data.length; i++) {
      const element = known![i];
      if (isInteger(dtype) && (element < low || element > high))
        throw new Error(
          `${this.#what}: element ${i} is ${element}, which does not fit 32 bits; the library has no 64-bit integers`,
        );
      data[i] = element;
    }
    return (this.#tensor = fromData(data, shape, dtype));
  }
}
