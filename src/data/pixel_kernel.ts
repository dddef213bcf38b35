/**
 * How images of bytes become images of floats when all that happens to them is geometry: a table gives each byte its value, and
 * each change says from where a pixel is read. It is one pass where there is at most one affine change, and that is the first.
 */

/** A change that moves pixels. `at` is the column of its first number in the table of draws. */
export type Change =
  /** Pixel (X, Y) is read at `x = m0 X + m1 Y + m2, y = m3 X + m4 Y + m5`, between four pixels; columns m0 to m5. Outside is 0. */
  | { readonly kind: 'affine'; readonly at: number }
  /** Cuts out `height` x `width` pixels from (y, x) on, columns y and x; what lies outside of the image is `value`. */
  | {
      readonly kind: 'crop';
      readonly at: number;
      readonly height: number;
      readonly width: number;
      readonly value: number;
    }
  /** Mirrors along axis 1 (rows) or 2 (columns) where its column is not 0. */
  | { readonly kind: 'flip'; readonly at: number; readonly axis: 1 | 2 };

/** What becomes of images [height, width, channels]. */
export interface PixelPlan {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Values of the 256 bytes, for each channel: [256, channels]. */
  readonly values: Float32Array;
  readonly changes: readonly Change[];
  /** Numbers that the changes need for each image. */
  readonly draws: number;
}

/** A batch for it. */
export interface PixelBatch {
  readonly count: number;
  /** Images [height, width, channels] one after the other, from a multiple of four bytes on. */
  readonly bytes: Uint8Array;
  /** Which of them the batch has; null: the first `count`. */
  readonly positions: Int32Array | null;
  /** [count, draws]. */
  readonly draws: Float32Array;
  /** Takes the images, with the size that the changes give them. */
  readonly out: Float32Array;
}

export type PixelKernel = (plan: PixelPlan, batch: PixelBatch) => void;

/**
 * Makes the function that computes batches. It refers to nothing outside of itself: its text is what worker threads get, as with the
 * threads that run programs (`runtime/cpu/worker.ts`).
 */
export function makePixelKernel(): PixelKernel {
  // Floats are moved as the 32 bits that they are: that spares conversions to doubles.
  const bits = (x: Float32Array): Int32Array => new Int32Array(x.buffer, x.byteOffset, x.length);
  /** Zeros around an image that is read between pixels spare a test at each of them; one more against rounding. */
  const [before, around] = [2, 5];
  // Doubles, as which JavaScript computes: each is read four times.
  let framed = new Float64Array(0);
  let framedSize = '';
  const spare = [new Float32Array(0), new Float32Array(0)];

  /** Bytes of an image to values; rows of the result are `stride` elements apart. */
  const decode = (
    plan: PixelPlan,
    table: Int32Array,
    bytes: Uint8Array,
    words: Int32Array,
    from: number,
    target: Int32Array,
    to: number,
    stride: number,
  ) => {
    const { channels } = plan;
    let across = plan.width * channels;
    let rows = plan.height;
    if (stride === across) [across, rows] = [across * rows, 1];
    if (channels === 1 && across % 4 === 0) {
      // Four bytes are read at a time: three times as fast.
      let word = from >> 2;
      for (let row = 0; row < rows; row++) {
        const first = to + row * stride;
        for (let k = first; k < first + across; k += 4) {
          const four = words[word++];
          target[k] = table[four & 255];
          target[k + 1] = table[(four >> 8) & 255];
          target[k + 2] = table[(four >> 16) & 255];
          target[k + 3] = table[four >>> 24];
        }
      }
      return;
    }
    for (let row = 0; row < rows; row++) {
      const [first, source] = [to + row * stride, from + row * across];
      for (let k = 0, channel = 0; k < across; k++) {
        target[first + k] = table[bytes[source + k] * channels + channel];
        channel = channel + 1 === channels ? 0 : channel + 1;
      }
    }
  };

  /** The same for an image with a frame. */
  const decodeFramed = (
    plan: PixelPlan,
    table: Float64Array,
    bytes: Uint8Array,
    words: Int32Array,
    from: number,
    target: Float64Array,
    to: number,
    stride: number,
  ): void => {
    const { channels } = plan;
    const across = plan.width * channels;
    const isByWords = channels === 1 && across % 4 === 0;
    let word = from >> 2;
    for (let row = 0; row < plan.height; row++) {
      const [first, source] = [to + row * stride, from + row * across];
      if (isByWords)
        for (let k = first; k < first + across; k += 4) {
          const four = words[word++];
          target[k] = table[four & 255];
          target[k + 1] = table[(four >> 8) & 255];
          target[k + 2] = table[(four >> 16) & 255];
          target[k + 3] = table[four >>> 24];
        }
      else
        for (let k = 0; k < across; k++)
          target[first + k] = table[bytes[source + k] * channels + (k % channels)];
    }
  };

  /**
   * What crops and flips make of positions: pixel (i, j) of the result is pixel (a i + b, c j + d) of what comes in, where i and j
   * lie between the bounds; the others have been filled.
   */
  const moved = { a: 1, b: 0, c: 1, d: 0, top: 0, bottom: 0, left: 0, right: 0 };

  /** Follows crops and flips, changes `first` to `end`, back from the result. */
  const follow = (
    plan: PixelPlan,
    sizes: readonly (readonly [number, number])[],
    first: number,
    end: number,
    draws: Float32Array,
    row: number,
    out: Float32Array,
    to: number,
  ): void => {
    const { channels } = plan;
    const [height, width] = sizes[end];
    let [a, b, c, d] = [1, 0, 1, 0];
    let [top, bottom, left, right] = [0, height, 0, width];
    for (let k = end - 1; k >= first; k--) {
      const change = plan.changes[k];
      const [h, w] = sizes[k];
      const at = row + change.at;
      if (change.kind === 'flip' && draws[at] !== 0) {
        if (change.axis === 1) [a, b] = [-a, h - 1 - b];
        else [c, d] = [-c, w - 1 - d];
      }
      if (change.kind !== 'crop') continue;
      b += draws[at];
      d += draws[at + 1];
      // Where 0 <= a i + b < h and 0 <= c j + d < w.
      const [t, o] = a > 0 ? [-b, h - b] : [b - h + 1, b + 1];
      const [l, r] = c > 0 ? [-d, w - d] : [d - w + 1, d + 1];
      if (t <= top && o >= bottom && l <= left && r >= right) continue;
      const [newTop, newLeft] = [Math.min(Math.max(top, t), bottom), Math.min(Math.max(left, l), right)];
      const newBottom = Math.max(Math.min(bottom, o), newTop);
      const newRight = Math.max(Math.min(right, r), newLeft);
      const { value } = change;
      for (let i = top; i < bottom; i++) {
        const line = to + i * width * channels;
        const isInside = i >= newTop && i < newBottom;
        const gap = line + (isInside ? newLeft : right) * channels;
        for (let k = line + left * channels; k < gap; k++) out[k] = value;
        const end = line + right * channels;
        if (isInside) for (let k = line + newRight * channels; k < end; k++) out[k] = value;
      }
      top = newTop;
      left = newLeft;
      bottom = newBottom;
      right = newRight;
    }
    moved.a = a;
    moved.b = b;
    moved.c = c;
    moved.d = d;
    moved.top = top;
    moved.bottom = bottom;
    moved.left = left;
    moved.right = right;
  };

  /** Pixels as they are. `isShift`: they have moved by a single crop, that is, all in one direction. */
  const copy = (
    source: Int32Array,
    width: number,
    channels: number,
    out: Int32Array,
    to: number,
    outWidth: number,
    isShift: boolean,
  ): void => {
    const { a, b, c, d, top, bottom, left, right } = moved;
    if (isShift && width === outWidth && top < bottom && left < right) {
      // All rows at once, as one piece of memory; the columns that then come from a neighbouring row are filled again.
      const across = width * channels;
      const [before, after] = [left * channels, (outWidth - right) * channels];
      const filled = out[to + top * across + (left > 0 ? 0 : across - 1)];
      const from = ((top + b) * width + left + d) * channels;
      const end = ((bottom - 1 + b) * width + right + d) * channels;
      out.set(source.subarray(from, end), to + top * across + before);
      if (before + after === 0) return;
      for (let i = top; i < bottom; i++) {
        const line = to + i * across;
        for (let k = line; k < line + before; k++) out[k] = filled;
        for (let k = line + across - after; k < line + across; k++) out[k] = filled;
      }
      return;
    }
    for (let i = top; i < bottom; i++) {
      let at = ((a * i + b) * width + c * left + d) * channels;
      let target = to + (i * outWidth + left) * channels;
      const end = to + (i * outWidth + right) * channels;
      if (c > 0) while (target < end) out[target++] = source[at++];
      else
        for (; target < end; at -= channels)
          for (let k = 0; k < channels; k++) out[target++] = source[at + k];
    }
  };

  /** A line of grey pixels of a small image: what most of the time is spent in, with constants in place of variables. */
  const sampleGrey = (
    image: Float64Array,
    stride: number,
    out: Float32Array,
    first: number,
    last: number,
    startX: number,
    startY: number,
    advanceX: number,
    advanceY: number,
  ): void => {
    let x = startX;
    let y = startY;
    for (let target = first; target <= last; target++) {
      const at = (Math.imul(y >> 24, stride) + (x >> 24)) | 0;
      const below = (at + stride) | 0;
      const fx = (x & 0xffffff) * 5.9604644775390625e-8;
      const fy = (y & 0xffffff) * 5.9604644775390625e-8;
      const a = image[at];
      const c = image[below];
      const upper = a + fx * (image[at + 1] - a);
      const lower = c + fx * (image[below + 1] - c);
      out[target] = upper + fy * (lower - upper);
      x = (x + advanceX) | 0;
      y = (y + advanceY) | 0;
    }
  };

  /** Pixels of the framed image at affine positions. */
  const sample = (
    height: number,
    width: number,
    channels: number,
    draws: Float32Array,
    m: number,
    out: Float32Array,
    to: number,
    outWidth: number,
  ): void => {
    const { a, b, c, d, top, bottom, left, right } = moved;
    const image = framed;
    const stride = (width + around) * channels;
    // Positions advance in steps as integers with this many binary places: at most 2^-20 pixels off for images of up to 1,000.
    const places = Math.min(24, 30 - Math.ceil(Math.log2(Math.max(height, width) + around)));
    const isSmallGrey = channels === 1 && places === 24;
    const unit = 2 ** places;
    const mask = unit - 1;
    const scale = 1 / unit;
    const [stepX, stepY] = [draws[m] * c, draws[m + 3] * c];
    const [advanceX, advanceY] = [Math.round(stepX * unit) | 0, Math.round(stepY * unit) | 0];
    for (let i = top; i < bottom; i++) {
      const Y = a * i + b;
      const lineX = draws[m] * d + draws[m + 1] * Y + draws[m + 2];
      const lineY = draws[m + 3] * d + draws[m + 4] * Y + draws[m + 5];
      // The j at which the position is less than a pixel outside of the image.
      let low = left;
      let high = right - 1;
      if (stepX !== 0) {
        const one = (-1 - lineX) / stepX;
        const other = (width - lineX) / stepX;
        low = Math.max(low, Math.ceil(Math.min(one, other)));
        high = Math.min(high, Math.floor(Math.max(one, other)));
      } else if (!(lineX > -1 && lineX < width)) high = -1;
      if (stepY !== 0) {
        const one = (-1 - lineY) / stepY;
        const other = (height - lineY) / stepY;
        low = Math.max(low, Math.ceil(Math.min(one, other)));
        high = Math.min(high, Math.floor(Math.max(one, other)));
      } else if (!(lineY > -1 && lineY < height)) high = -1;
      let target = to + (i * outWidth + left) * channels;
      const end = to + (i * outWidth + right) * channels;
      if (!(low <= high)) {
        out.fill(0, target, end);
        continue;
      }
      const first = to + (i * outWidth + low) * channels;
      const last = to + (i * outWidth + high) * channels;
      while (target < first) out[target++] = 0;
      let x = Math.round((lineX + before + stepX * low) * unit) | 0;
      let y = Math.round((lineY + before + stepY * low) * unit) | 0;
      if (isSmallGrey) {
        sampleGrey(image, stride, out, first, last, x, y, advanceX, advanceY);
        target = last + 1;
      }
      for (; target <= last; x = (x + advanceX) | 0, y = (y + advanceY) | 0) {
        const fx = (x & mask) * scale;
        const fy = (y & mask) * scale;
        let at = ((y >> places) * stride + (x >> places) * channels) | 0;
        for (let k = 0; k < channels; k++, at++) {
          const upper = image[at] + fx * (image[at + channels] - image[at]);
          const under = at + stride;
          const lower = image[under] + fx * (image[under + channels] - image[under]);
          out[target++] = upper + fy * (lower - upper);
        }
      }
      while (target < end) out[target++] = 0;
    }
  };

  /** The frame for images of a size; the border of an earlier one of that size is still 0. */
  const frameFor = (height: number, width: number, channels: number): Float64Array => {
    const size = `${height} ${width} ${channels}`;
    if (size !== framedSize) {
      framed = new Float64Array((height + around) * (width + around) * channels);
    }
    framedSize = size;
    return framed;
  };

  const spareOf = (i: number, size: number): Float32Array => {
    if (spare[i].length < size) spare[i] = new Float32Array(size);
    return spare[i];
  };

  return (plan, { count, bytes, positions, draws, out }) => {
    const { changes, channels, height, width } = plan;
    const sizes: (readonly [number, number])[] = [[height, width]];
    // A pass begins with the first change and with each affine one.
    const starts: number[] = [];
    changes.forEach((change, k) => {
      if (k === 0 || change.kind === 'affine') starts.push(k);
      sizes.push(change.kind === 'crop' ? [change.height, change.width] : sizes[k]);
    });
    const [outHeight, outWidth] = sizes[changes.length];
    const outSize = outHeight * outWidth * channels;
    const size = height * width * channels;
    const frameStart = (w: number): number => (before * (w + around) + before) * channels;
    const table = bits(plan.values);
    const doubles = Float64Array.from(plan.values);
    const outBits = bits(out);
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    const plain = spareOf(1, size);
    const plainBits = bits(plain);
    for (let n = 0; n < count; n++) {
      const row = n * plan.draws;
      const from = (positions === null ? n : positions[n]) * size;
      if (starts.length === 0)
        decode(plan, table, bytes, words, from, outBits, n * outSize, width * channels);
      let source = out;
      starts.forEach((start, pass) => {
        const isLast = pass === starts.length - 1;
        const end = isLast ? changes.length : starts[pass + 1];
        const [h, w] = sizes[start];
        const [nextHeight, nextWidth] = sizes[end];
        const target = isLast ? out : spareOf(pass % 2, nextHeight * nextWidth * channels);
        const to = isLast ? n * outSize : 0;
        const change = changes[start];
        if (change.kind === 'affine') {
          const frame = frameFor(h, w, channels);
          const stride = (w + around) * channels;
          if (pass === 0) decodeFramed(plan, doubles, bytes, words, from, frame, frameStart(w), stride);
          else
            for (let i = 0; i < h; i++)
              frame.set(
                source.subarray(i * w * channels, (i + 1) * w * channels),
                frameStart(w) + i * stride,
              );
          follow(plan, sizes, start + 1, end, draws, row, target, to);
          sample(h, w, channels, draws, row + change.at, target, to, nextWidth);
        } else {
          // Only the first pass can begin like this.
          decode(plan, table, bytes, words, from, plainBits, 0, w * channels);
          follow(plan, sizes, start, end, draws, row, target, to);
          const isShift = end === start + 1 && change.kind === 'crop';
          copy(plainBits, w, channels, isLast ? outBits : bits(target), to, nextWidth, isShift);
        }
        source = target;
      });
    }
  };
}
