import { zeros } from '../core/create.ts';
import { storageOf } from '../core/evaluate.ts';
import { jit } from '../core/jit.ts';
import type { Key } from '../core/random.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import type { HostKey } from '../core/threefry.ts';
import { vmap } from '../core/vmap.ts';
import type { Storage } from '../runtime/storage.ts';
import type { Augmentation } from './augment.ts';
import type { Dataset } from './dataset.ts';
import { type Geometry, geometryOf } from './geometry.ts';
import type { Change, PixelBatch, PixelPlan } from './pixel_kernel.ts';
import { type PixelSlot, pixelKernel, pixelThreads } from './pixel_threads.ts';

/** Batches that are computed in advance by each thread. */
const ahead = 2;

/** Batches whose numbers are drawn at once: a program for each batch takes longer than its scaling. */
const drawnAtOnce = 16;

/** How the bytes of a dataset become batches: as a table and changes of geometry, on threads, and compiled for what is left. */
export class ImageBatches {
  readonly #dataset: Dataset;
  readonly #plan: PixelPlan;
  readonly #outShape: readonly [number, number, number];
  /** The numbers that each change draws for batches with these keys [m, 2]: [m, batch, k]; null if there are no changes. */
  readonly #draws: ((keys: Tensor, batch: number) => Tensor[]) | null;
  /** What is left of the augmentation. */
  readonly #rest: Augmentation | null;
  readonly #workers: number;

  /**
   * @param values what becomes of each of the 256 bytes, for each channel: [256, channels]
   * @param workers threads that compute in advance
   */
  constructor(dataset: Dataset, values: Float32Array, augment: Augmentation | undefined, workers: number) {
    this.#dataset = dataset;
    this.#workers = workers;
    const [height, width, channels] = dataset.shape;
    const split = augment === undefined ? undefined : geometryOf(augment);
    const geometry = split === undefined ? null : changesOf(split.geometry, height, width);
    const rest = geometry === null ? augment : split?.rest;
    this.#rest = rest === undefined || rest === null ? null : jit(rest);
    this.#draws = geometry?.draws ?? null;
    this.#outShape = [...(geometry?.size ?? [height, width]), channels];
    this.#plan = {
      ...{ height, width, channels, values },
      changes: geometry?.changes ?? [],
      draws: geometry?.count ?? 0,
    };
  }

  /** Images and labels at these positions; the augmentation of batch i has key `keyOf(i)`. */
  *batches(plan: readonly Int32Array[], keyOf: (i: number) => HostKey): Generator<[Tensor, Tensor]> {
    const most = plan.reduce((n, positions) => Math.max(n, positions.length), 0);
    const threads = pixelThreads(this.#workers);
    // One batch for each thread, then the second for each.
    const images = threads.length === 0 ? null : sharedCopy(this.#dataset.images);
    const slots = Array.from({ length: ahead }, () =>
      threads.map((thread) => thread.slot(this.#plan, most, this.#outSize, images)),
    ).flat();
    const own = slots.length > 0 ? null : this.#buffers(most);
    const drawn = new Drawn(this.#draws, this.#plan.draws, plan, keyOf);
    const begun: { positions: Int32Array; key: Tensor | null; slot: PixelSlot }[] = [];
    let next = 0;
    let lent: Lent | null = null;
    try {
      for (let i = 0; i < plan.length; i++) {
        // Who asks for the next batch has disposed of the last one, or keeps it, and then it needs memory of its own.
        giveBack(lent);
        if (own !== null) {
          const [positions, key] = [plan[i], this.#keyTensor(keyOf(i))];
          this.#fill(positions, own);
          drawn.copy(i, own.draws);
          pixelKernel(this.#plan, { ...own, count: positions.length });
          const [x, y] = this.#finished(positions, own.out);
          lent = x;
          yield [this.#changed(x, key), y];
          continue;
        }
        for (; next < plan.length && next < i + slots.length; next++) {
          const [slot, positions] = [slots[next % slots.length], plan[next]];
          const key = this.#keyTensor(keyOf(next));
          this.#fill(positions, slot);
          drawn.copy(next, slot.draws);
          slot.count = positions.length;
          slot.thread.start(slot);
          begun.push({ positions, key, slot });
        }
        const { positions, key, slot } = begun.shift() ?? begun[0];
        if (!slot.thread.finish(slot)) pixelKernel(this.#plan, slot);
        const [x, y] = this.#finished(positions, slot.out);
        lent = x;
        yield [this.#changed(x, key), y];
      }
    } finally {
      giveBack(lent);
      for (const slot of slots) slot.thread.free(slot);
    }
  }

  /** Memory for batches of up to `count` images. */
  #buffers(count: number): Omit<PixelBatch, 'count'> {
    const { height, width, channels, draws } = this.#plan;
    return {
      bytes: new Uint8Array(Math.ceil((count * height * width * channels) / 4) * 4),
      positions: null,
      draws: new Float32Array(count * draws),
      out: new Float32Array(count * this.#outSize),
    };
  }

  get #outSize(): number {
    return this.#outShape.reduce((a, b) => a * b);
  }

  #keyTensor(key: HostKey): Tensor | null {
    return this.#rest !== null ? fromData(new Uint32Array(key), [2], 'uint32') : null;
  }

  /** Bytes, or positions, of a batch. */
  #fill(positions: Int32Array, batch: Omit<PixelBatch, 'count'>): void {
    const { bytes } = batch;
    const { images, shape } = this.#dataset;
    const size = shape[0] * shape[1] * shape[2];
    if (batch.positions !== null) batch.positions.set(positions);
    else
      for (let i = 0; i < positions.length; i++) {
        const from = positions[i] * size;
        bytes.set(images.subarray(from, from + size), i * size);
      }
  }

  /** Images that are still where they were computed, and their labels. */
  #finished(positions: Int32Array, out: Float32Array): [Lent, Tensor] {
    const count = positions.length;
    const labels = new Int32Array(count);
    for (let i = 0; i < count; i++) labels[i] = this.#dataset.labels[positions[i]];
    const view = out.subarray(0, count * this.#outSize);
    const array = fromData(view, [count, ...this.#outShape], 'float32');
    return [{ array, storage: storageOf(array.node), view }, fromData(labels, [count], 'int32')];
  }

  #changed({ array }: Lent, key: Tensor | null): Tensor {
    if (this.#rest === null || key === null) return array;
    const changed = this.#rest(array, key);
    if (changed !== array) array.dispose();
    return changed;
  }
}

/** Datasets of up to this many bytes are copied to where threads read them; of larger ones, each batch is. */
const mostShared = 256 * 2 ** 20;
const copies = new WeakMap<Uint8Array, Uint8Array>();

/** The bytes in shared memory, one copy for all loaders of a dataset; null if there are too many. */
function sharedCopy(images: Uint8Array): Uint8Array | null {
  if (images.length > mostShared) return null;
  const known = copies.get(images);
  if (known !== undefined) return known;
  const copy = new Uint8Array(new SharedArrayBuffer(Math.ceil(images.length / 4) * 4));
  copy.set(images);
  copies.set(images, copy);
  return copy;
}

/** Numbers for the changes of the batches of an epoch. */
class Drawn {
  readonly #draw: ((keys: Tensor, batch: number) => Tensor[]) | null;
  readonly #columns: number;
  readonly #plan: readonly Int32Array[];
  readonly #keyOf: (i: number) => HostKey;
  /** Batches `first` to `end`, [end - first, batch, k] each. */
  #first = 0;
  #end = 0;
  #parts: readonly { readonly numbers: ArrayLike<number>; readonly width: number }[] = [];

  constructor(
    draw: ((keys: Tensor, batch: number) => Tensor[]) | null,
    columns: number,
    plan: readonly Int32Array[],
    keyOf: (i: number) => HostKey,
  ) {
    this.#draw = draw;
    this.#columns = columns;
    this.#plan = plan;
    this.#keyOf = keyOf;
  }

  /** Those of batch i to [batch, columns]. */
  copy(i: number, target: Float32Array): void {
    if (this.#draw === null) return;
    if (i < this.#first || i >= this.#end) this.#drawFrom(this.#draw, i);
    const count = this.#plan[i].length;
    let column = 0;
    for (const { numbers, width } of this.#parts) {
      let at = (i - this.#first) * count * width;
      for (let n = 0; n < count; n++)
        for (let k = 0; k < width; k++) target[n * this.#columns + column + k] = numbers[at++];
      column += width;
    }
  }

  /** Draws for batch i, and for those after it that are as large. */
  #drawFrom(draw: (keys: Tensor, batch: number) => Tensor[], i: number): void {
    const count = this.#plan[i].length;
    let end = i + 1;
    while (end < this.#plan.length && end < i + drawnAtOnce && this.#plan[end].length === count) end++;
    // One batch, or all that are drawn at once: two programs, not one for each number of batches.
    const batches = end === i + 1 ? 1 : drawnAtOnce;
    const keys = new Uint32Array(2 * batches);
    for (let j = 0; j < batches; j++) keys.set(this.#keyOf(i + j), 2 * j);
    this.#parts = draw(fromData(keys, [batches, 2], 'uint32'), count).map((part) => ({
      numbers: part.dataSync(),
      width: part.shape[2],
    }));
    this.#first = i;
    this.#end = end;
  }
}

/** Images in memory that the next batch will need. */
interface Lent {
  readonly array: Tensor;
  readonly storage: Storage;
  readonly view: Float32Array;
}

function giveBack(lent: Lent | null): void {
  if (lent === null || lent.storage.disposed || lent.storage.host !== lent.view) return;
  lent.storage.host = lent.view.slice();
}

/** What a geometry does to images of a size, and the compiled function that draws its numbers; null if it does not fit them. */
function changesOf(geometry: Geometry, height: number, width: number) {
  const drawn = geometry(zeros([2], { dtype: 'uint32' }), [1, height, width]);
  if (drawn === null) return null;
  const changes: Change[] = [];
  let [count, size] = [0, [height, width]];
  for (const { change, draws } of drawn) {
    changes.push({ ...change, at: count });
    count += draws.shape[1];
    if (change.kind === 'crop') size = [change.height, change.width];
  }
  const draws = jit((keys: Tensor, batch: number) =>
    vmap((key: Key) => (geometry(key, [batch, height, width]) ?? []).map((part) => part.draws))(keys),
  );
  return {
    changes,
    count,
    size: size as [number, number],
    draws: draws as (keys: Tensor, batch: number) => Tensor[],
  };
}
