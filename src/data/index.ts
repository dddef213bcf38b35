/** Datasets, file formats and batches: `import { loader, mnist } from 'nabla/data'`. */

export {
  type Augmentation,
  type CropOptions,
  compose,
  gaussianBlur,
  gaussianNoise,
  normalize,
  type Range,
  randomCrop,
  randomGaussianBlur,
  randomHorizontalFlip,
  randomVerticalFlip,
  sometimes,
} from './augment.ts';
export {
  type AffineMap,
  type AffineOptions,
  affine,
  type ReadingOptions,
  randomAffine,
  randomRotation,
} from './augment_affine.ts';
export {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  type ColorJitterOptions,
  colorJitter,
  type Factor,
  type PcaColorOptions,
  pcaColor,
} from './augment_color.ts';
export {
  cutmix,
  cutout,
  type ErasingOptions,
  type MixOptions,
  mixup,
  randomErasing,
} from './augment_mix.ts';
export { BatchLoader, type BatchLoaderOptions, batchLoader, type PlanOptions } from './batch_loader.ts';
export { type BatchSampler, type BucketOptions, type BucketSampler, bucketSampler } from './buckets.ts';
export { cifar10, cifar10Classes, cifar100, decodeCifar } from './cifar.ts';
export { balancedClassWeights } from './class_weights.ts';
export { type ColorComponents, colorComponents } from './color_components.ts';
export {
  type ColumnType,
  type CsvOptions,
  type CsvValue,
  parseCsv,
  readCsv,
  streamCsv,
  Table,
} from './csv.ts';
export { concatDatasets, DataError, type Dataset, slice, split, subset, take } from './dataset.ts';
export { type DecodeOptions, decodeImage, readImage } from './decode_image.ts';
export { digits } from './digits.ts';
export { type DownloadOptions, download } from './download.ts';
export { EpochLoader, type LoaderState } from './epochs.ts';
export { type ExampleSource, Examples, examples } from './examples.ts';
export { type Fold, type FoldOptions, kFolds, type TimeSeriesOptions, timeSeriesFolds } from './folds.ts';
export { garments } from './garments.ts';
export { decodeIdx, encodeIdx, type IdxArray, type IdxData, type IdxType, readIdx, writeIdx } from './idx.ts';
export type { Image } from './image.ts';
export type { ImageOptions } from './image_files.ts';
export {
  ImageFolder,
  type ImageFolderOptions,
  ImageLoader,
  type ImageLoaderOptions,
  imageFolder,
  type LabelledImage,
} from './image_folder.ts';
export { type Batch, Loader, type LoaderOptions, loader } from './loader.ts';
export { fashionMnist, fashionMnistClasses, type MnistOptions, mnist, type Parts } from './mnist.ts';
export { downloadFashionMnist, downloadMnist, type MnistDownloadOptions } from './mnist_download.ts';
export {
  type ExampleValue,
  type Padded,
  type PadOptions,
  padSequences,
  type Sequence,
  stackExamples,
} from './padding.ts';
export {
  countOf,
  type DataSplit,
  type DataSplitOptions,
  type Divisible,
  pick,
  trainValidationTestSplit,
} from './pick.ts';
export { encodePng } from './png_encode.ts';
export { centerCrop, type ResizeFilter, resizeImage } from './resize_image.ts';
export {
  type BalancedOptions,
  balancedSampler,
  type Sampler,
  sequentialSampler,
  shuffledSampler,
  type WeightedOptions,
  weightedSampler,
} from './samplers.ts';
export { type ShapesOptions, shapeClasses, shapes } from './shapes.ts';
export { type Labels, type SplitOptions, splitPositions } from './splits.ts';
export { Stream, type StreamSource, type StreamState, stream } from './stream.ts';
export { type ArrayTree, TensorLoader, tensorLoader } from './tensor_loader.ts';
export {
  type Json,
  parseJsonLines,
  readText,
  streamJsonLines,
  streamLines,
  Vocabulary,
  type VocabularyOptions,
} from './text.ts';
export { decodeWav, encodeWav, readWav, type Wav, type WavFormat, writeWav } from './wav.ts';
export {
  type ExampleFunction,
  WorkerLoader,
  type WorkerLoaderOptions,
  workerLoader,
} from './worker_loader.ts';
