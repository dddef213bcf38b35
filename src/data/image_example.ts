import { imageDecoder } from './decode_image.ts';
import type { Image } from './image.ts';
import { type ImageOptions, imageOfFile } from './image_files.ts';

/** What threads of `ImageFolder.loader` run. Nothing imports this module but they, as it waits for the decoder. */

const decode = await imageDecoder();

/** An image of a list of files. */
export const example = (
  position: number,
  _epoch: number,
  { paths, options }: { readonly paths: readonly string[]; readonly options: ImageOptions },
): Image => imageOfFile(paths[position], options, decode);
