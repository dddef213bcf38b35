import { checkOptions } from '../core/options.ts';
import { fromData, Tensor } from '../core/tensor.ts';
import { readBytes } from './load.ts';
import { type NarrowOptions, narrowKeys, valuesOf } from './narrow_numbers.ts';
import type { PlainValue } from './pickle.ts';
import { FormatError } from './safetensors_format.ts';
import { decodeTorch, TorchArray } from './torch_format.ts';

/** Checkpoints of PyTorch as arrays. */

/** What a file of `torch.save` holds: tensors in plain objects, arrays, numbers and texts. */
export type TorchValue = PlainValue<Tensor>;

/**
 * What the bytes of a file of `torch.save` hold, zip or legacy. Nothing of the file is executed: classes and functions
 * other than those of tensors and plain containers are errors. Types that the library does not have become the nearest
 * that hold them, see valuesOf; layouts stay PyTorch's ({@link loadTorch} maps them).
 *
 * @param name what error messages call the file
 * @throws FormatError that names what is wrong
 */
export async function fromTorch(
  bytes: Uint8Array,
  name = 'fromTorch',
  options: NarrowOptions = {},
): Promise<TorchValue> {
  checkOptions('fromTorch', options, narrowKeys);
  const made = new Map<object, TorchValue>();
  const visit = (value: PlainValue<TorchArray>, path: string): TorchValue => {
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
    const known = made.get(value);
    if (known !== undefined) return known;
    const at = (key: string) => (path === '' ? key : `${path}.${key}`);
    const result: TorchValue =
      value instanceof TorchArray
        ? tensorOf(value, path, name, options)
        : Array.isArray(value)
          ? value.map((item, i) => visit(item, at(String(i))))
          : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item, at(key))]));
    made.set(value, result);
    return result;
  };
  return visit(await decodeTorch(bytes, name), '');
}

function tensorOf(
  { dtype, shape, data }: TorchArray,
  path: string,
  file: string,
  options: NarrowOptions,
): Tensor {
  const values = valuesOf({ name: path, dtype, shape, data }, options, file);
  return fromData(values.data, shape, values.dtype);
}

/**
 * Reads a file of `torch.save`; see {@link fromTorch}.
 *
 * @throws ReadError if there is no such file; FormatError if it is damaged or holds more than plain data
 */
export const loadTorchFile = async (path: string, options: NarrowOptions = {}): Promise<TorchValue> =>
  fromTorch(await readBytes(path), path, options);

/** More names than this are refused: values that share parts can have more than there are atoms. */
const mostNames = 1_000_000;

/**
 * The tensors in a value by their paths, `optimizer.state.0.exp_avg`; what is no tensor is left out.
 *
 * @throws FormatError if there are more than a million values
 */
export function tensorsIn(value: TorchValue, name = 'tensorsIn'): Record<string, Tensor> {
  const found: [string, Tensor][] = [];
  let visited = 0;
  const visit = (item: TorchValue, path: string): void => {
    if (++visited > mostNames) throw new FormatError(`${name}: more than ${mostNames} values`);
    if (item instanceof Tensor) found.push([path, item]);
    else if (typeof item === 'object' && item !== null && !(item instanceof Uint8Array))
      for (const [key, part] of Object.entries(item)) visit(part, path === '' ? key : `${path}.${key}`);
  };
  visit(value, '');
  return Object.fromEntries(found);
}

/**
 * The tensors of a file of `torch.save` by their paths: those of a state dict under their names, of a checkpoint with
 * `state_dict` under `state_dict.name`.
 *
 * @throws ReadError if there is no such file; FormatError if it is damaged or holds more than plain data
 */
export const loadTorchTensors = async (
  path: string,
  options: NarrowOptions = {},
): Promise<Record<string, Tensor>> => tensorsIn(await loadTorchFile(path, options), path);
