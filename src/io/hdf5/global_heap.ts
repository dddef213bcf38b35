import { Cursor, type Source } from './source.ts';

/** Where objects of variable length are: collections of them, anywhere in the file. */
export class GlobalHeap {
  readonly #source: Source;
  readonly #collections = new Map<number, Map<number, readonly [from: number, length: number]>>();

  constructor(source: Source) {
    this.#source = source;
  }

  /** The bytes of an object, from the address of its collection and its number in there. */
  object(address: number, index: number): Uint8Array {
    let collection = this.#collections.get(address);
    if (collection === undefined) {
      collection = this.#read(address);
      this.#collections.set(address, collection);
    }
    const found = collection.get(index);
    if (found === undefined)
      return this.#source.fail(`damaged: the heap collection at ${address} has no object ${index}`);
    const [from, length] = found;
    this.#source.spend(length);
    return this.#source.bytes.subarray(from, from + length);
  }

  #read(address: number): Map<number, readonly [number, number]> {
    const what = 'a collection of the global heap';
    const head = this.#source.signed(address, 'GCOL', what);
    head.version(1);
    head.take(3);
    const length = head.length();
    const whole = this.#source.cursor(address, length, what);
    const cursor = new Cursor(this.#source, head.at, whole.end, what);
    const objects = new Map<number, readonly [number, number]>();
    const headLength = 8 + this.#source.layout.lengthSize;
    while (cursor.left >= headLength) {
      this.#source.spend();
      const index = cursor.u16();
      cursor.take(6);
      const size = cursor.length();
      // Number 0 is what is free.
      if (index === 0) break;
      objects.set(index, [cursor.take(size), size]);
      cursor.take(Math.min(Math.ceil(size / 8) * 8 - size, cursor.left));
    }
    return objects;
  }
}
