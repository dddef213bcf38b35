import { allocate, bytesOf, type DType, type TypedArray } from '../graph/dtype.ts';
import { type Shape, type StoredValue, typeText } from '../graph/node.ts';

/** A device's memory, as the storages in it see it. */
export interface Home {
  /** A copy of the value. */
  fetch(storage: Storage): TypedArray;
  /** Takes the place of the value back. */
  evict(storage: Storage): void;
  /** Makes a pinned value evictable again. */
  unpin(storage: Storage): void;
}

/**
 * Where an evaluated array lives: in an ordinary typed array, which JavaScript's collector owns, or in the heap of the CPU
 * device, which is a bounded cache (docs/decisions/heap-as-cache.md), or both while they agree.
 */
export class Storage implements StoredValue {
  readonly dtype: DType;
  readonly length: number;
  /** The host copy; null while the value is only in the device's heap. */
  host: TypedArray | null;
  /** Device address in bytes, 0 when not resident. */
  address = 0;
  /** Set once the value can be seen from outside of the variable that holds it: it may then not be overwritten in place. */
  shared = false;
  disposed = false;
  /** Not to be evicted: the content of a variable. */
  pinned = false;
  /** The heap in which it is resident, or a part of something resident. */
  home: Home | null = null;
  /**
   * How many nodes and programs hold it: programs may return one for several results, and inputs unchanged. What one of them disposes
   * of, the others keep.
   */
  holders = 0;
  /** The shape of the array that it was made for, and the line of the user's code that made that, if known: for messages. */
  shape: Shape | null = null;
  origin: string | null = null;

  constructor(dtype: DType, length: number, host: TypedArray | null) {
    this.dtype = dtype;
    this.length = length;
    this.host = host;
  }

  get bytes(): number {
    return this.length * bytesOf(this.dtype);
  }

  /** `float32[2, 3], a variable, made at file.ts:3:4`, as messages show it. */
  describe(): string {
    const type = typeText(this.dtype, this.shape ?? [this.length]);
    const where = this.origin === null ? '' : `, made at ${this.origin}`;
    return `${type}${this.pinned ? ', content of a variable' : ''}${where}`;
  }

  /** Lets go of the value and its memory. */
  release(): void {
    this.disposed = true;
    this.host = null;
    this.home?.evict(this);
  }

  /** The elements; the caller must not write to them. */
  read(): TypedArray {
    if (this.disposed)
      throw new Error('Tensor: this array was disposed; keep what is needed after scope() or dispose()');
    if (this.host !== null) return this.host;
    if (this.home === null) return (this.host = allocate(this.dtype, this.length));
    return this.home.fetch(this);
  }
}
