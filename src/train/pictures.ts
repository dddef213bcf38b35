/**
 * How grey images are drawn as text: `color` half blocks in terminal greys (two pixels per character, exact to 24
 * levels), `unicode` half blocks in two tones, `ascii` a ramp of characters from light to dark ink.
 */
export type PictureStyle = 'color' | 'unicode' | 'ascii';

/** What a terminal can show, as far as it says so. */
export interface PictureTerminal {
  /** Whether it is a terminal and not a pipe or a file. */
  readonly isTTY?: boolean | undefined;
  /** Characters per line. */
  readonly columns?: number | undefined;
}

/**
 * The best style for an output: colour in a terminal, unless NO_COLOR is set or it is a dumb one; half blocks where
 * the locale is UTF-8 (or on Windows, whose locale variables are not set); else ASCII.
 */
export function pictureStyle(
  output: PictureTerminal = process.stdout,
  env: Readonly<Record<string, string | undefined>> = process.env,
  platform: string = process.platform,
): PictureStyle {
  // LC_ALL overrides LC_CTYPE overrides LANG; an empty one counts as unset.
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  const unicode = platform === 'win32' || /utf-?8/i.test(locale);
  if (!unicode || env.TERM === 'dumb') return 'ascii';
  return output.isTTY && !env.NO_COLOR ? 'color' : 'unicode';
}

const ramp = ' .:-=+*#%@';
const reset = '\u001b[0m';

/**
 * Draws grey images side by side as text, each with its caption below, as many in a row as the line is wide: for
 * looking at samples and at a classifier's worst mistakes. One character is one pixel wide and two high.
 *
 * @param images each `height * width` bytes, row-major, 0 black to 255 white
 * @param size of every image, in pixels
 * @param captions one per image, cut to the image's width; default none
 * @param options.style default {@link pictureStyle}()
 * @param options.columns characters per line, default the terminal's, or 100
 * @throws RangeError when an image has another number of bytes or the numbers of images and captions differ
 */
export function drawImages(
  images: readonly Uint8Array[],
  size: { readonly height: number; readonly width: number },
  captions: readonly string[] = images.map(() => ''),
  options: { readonly style?: PictureStyle; readonly columns?: number } = {},
): string {
  const { style = pictureStyle(), columns = process.stdout.columns ?? 100 } = options;
  const { height, width } = size;
  if (captions.length !== images.length) {
    throw new RangeError(`drawImages: ${captions.length} captions for ${images.length} images`);
  }
  const odd = images.findIndex((image) => image.length !== height * width);
  if (odd >= 0) {
    throw new RangeError(
      `drawImages: image ${odd} has ${images[odd].length} bytes, but ${height}x${width} takes ${height * width}`,
    );
  }
  const gap = 2;
  const perRow = Math.max(1, Math.floor((columns + gap) / (width + gap)));
  const captioned = captions.some((caption) => caption !== '');
  const lines: string[] = [];
  for (let start = 0; start < images.length; start += perRow) {
    if (start > 0) lines.push('');
    const pictures = images
      .slice(start, start + perRow)
      .map((image) => drawImage(image, height, width, style));
    for (let line = 0; line < Math.ceil(height / 2); line++) {
      lines.push(pictures.map((picture) => picture[line]).join(' '.repeat(gap)));
    }
    if (captioned) {
      const row = captions.slice(start, start + perRow).map((caption) => fitTo(caption, width));
      lines.push(row.join(' '.repeat(gap)).trimEnd());
    }
  }
  return lines.join('\n');
}

/** One image as lines, all of the same width on the screen. */
function drawImage(image: Uint8Array, height: number, width: number, style: PictureStyle): string[] {
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    let colours = '';
    for (let x = 0; x < width; x++) {
      const upper = image[y * width + x];
      const lower = y + 1 < height ? image[(y + 1) * width + x] : 0;
      if (style === 'ascii') {
        line += ramp[Math.min(ramp.length - 1, Math.floor((((upper + lower) / 2) * ramp.length) / 256))];
      } else if (style === 'unicode') {
        line += ' ▀▄█'[(upper >= 128 ? 1 : 0) + (lower >= 128 ? 2 : 0)];
      } else {
        const wanted = `\u001b[38;5;${greyOf(upper)};48;5;${greyOf(lower)}m`;
        line += wanted === colours ? '▀' : `${wanted}▀`;
        colours = wanted;
      }
    }
    lines.push(style === 'color' ? line + reset : line);
  }
  return lines;
}

/** The nearest grey of the 256 terminal colours: 16 is black, 232 to 255 are 8, 18, ..., 238, and 231 is white. */
function greyOf(value: number): number {
  if (value < 4) return 16;
  if (value > 246) return 231;
  return 232 + Math.min(23, Math.max(0, Math.round((value - 8) / 10)));
}

const fitTo = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}~` : text.padEnd(width);
