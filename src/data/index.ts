/** Datasets, file formats and batches: `import { loader, mnist } from 'nabla/data'`. */

export { DataError, type Dataset, slice, split, take } from './dataset.ts';
export { digits } from './digits.ts';
export { decodeIdx, encodeIdx, type IdxArray, type IdxData, type IdxType, readIdx, writeIdx } from './idx.ts';
export { type Batch, Loader, type LoaderOptions, loader } from './loader.ts';
export { fashionMnist, fashionMnistClasses, type MnistOptions, mnist, type Parts } from './mnist.ts';
