import type { Tensor } from '../core/tensor.ts';
import type { DType } from '../graph/dtype.ts';
import { isHalf } from '../graph/half.ts';
import { writeFileAtomically } from './atomic.ts';
import { encodeSafetensors, type SafetensorsDtype } from './safetensors_format.ts';

/** Whatever can be saved and loaded by name: a module, an optimizer. */
export interface Stateful {
  stateDict(): Record<string, Tensor>;
  loadStateDict(state: Record<string, Tensor>): unknown;
}

const dtypes: Record<DType, SafetensorsDtype> = {
  float32: 'F32',
  float64: 'F64',
  int32: 'I32',
  uint32: 'U32',
  bool: 'BOOL',
  float16: 'F16',
  bfloat16: 'BF16',
};

/** What files call an element type of the library. */
export const dtypeInFiles = (dtype: DType): SafetensorsDtype => dtypes[dtype];

/** The bytes of a safetensors file of arrays by name. */
export async function encodeTensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const entries = await Promise.all(
    Object.entries(tensors).map(async ([name, tensor]) => ({
      name,
      dtype: dtypes[tensor.dtype],
      shape: tensor.shape,
      data: isHalf(tensor.dtype) ? tensor.bits() : await tensor.data(),
    })),
  );
  return encodeSafetensors(entries, metadata);
}

/**
 * Writes arrays by name as a safetensors file, atomically.
 *
 * @param metadata free texts that go with them
 * @throws WriteError if the file cannot be written; the one that was there before is still whole
 */
export async function saveTensors(
  tensors: Readonly<Record<string, Tensor>>,
  path: string,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomically(path, await encodeTensors(tensors, metadata));
}

/**
 * Saves parameters and buffers of a model as a safetensors file, which PyTorch and others read, too: `await save(model,
 * 'lenet5.safetensors')`.
 *
 * @throws WriteError if the file cannot be written; the one that was there before is still whole
 */
export const save = (model: Pick<Stateful, 'stateDict'>, path: string): Promise<void> =>
  saveTensors(model.stateDict(), path);
