/** Weights in and out of files: `import { load, save } from 'nabla/io'`. */

export { WriteError, writeFileAtomically } from './atomic.ts';
export { Hdf5Dataset, Hdf5Group, type Hdf5Options, looksLikeHdf5, openHdf5 } from './hdf5/file.ts';
export type { Hdf5Values } from './hdf5/values.ts';
export {
  encodeHdf5,
  type Hdf5AttributeValue,
  type Hdf5DatasetContent,
  type Hdf5GroupContent,
} from './hdf5/write.ts';
export {
  type KerasFile,
  type KerasLayerWeights,
  type KerasNode,
  loadKerasWeights,
  readKerasFile,
} from './keras_file.ts';
export { type LoadedTensors, load, loadTensors, ReadError } from './load.ts';
export type { NarrowOptions } from './narrow_numbers.ts';
export { fromNpy, fromNpz, loadNpy, loadNpz, saveNpy, saveNpz, toNpy, toNpz } from './npy.ts';
export { decodeNpy, encodeNpy, type NpyArray } from './npy_format.ts';
export { type Exportable, type ExportOnnxOptions, exportOnnx } from './onnx/export.ts';
export { loadOnnx, type OnnxModel, type OnnxValue, onnxOperators } from './onnx/load.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  FormatError,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
} from './safetensors_format.ts';
export { type Stateful, save, saveTensors } from './save.ts';
export { loadSharded } from './sharded.ts';
export { loadTfjs, type TfjsModel } from './tfjs.ts';
export {
  fromTorch,
  loadTorchFile,
  loadTorchTensors,
  type TorchValue,
  tensorsIn,
} from './torch.ts';
export { decodeTorch, TorchArray } from './torch_format.ts';
export { type LoadTorchOptions, loadTorch, loadTorchState, type TorchTarget } from './torch_module.ts';
export { encodeZip, readZip, type ZipEntry } from './zip.ts';
