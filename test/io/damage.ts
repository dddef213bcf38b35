import type { Dice } from '../support/dice.ts';

const joined = (...parts: readonly ArrayLike<number>[]) => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};

/** What stands in texts for numbers, and what a reader of them may not expect. */
const numbers = [
  '0',
  '-1',
  '1',
  '7',
  '65536',
  '2147483648',
  '99999999999999999999',
  '1e9',
  '0.5',
  '1e400',
  'null',
];
const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** A damaged copy: some bytes changed, numbers made extreme (also those of texts), parts cut, repeated, swapped, or taken from elsewhere. */
export function damaged(sample: Uint8Array, dice: Dice): Uint8Array {
  let bytes = sample.slice();
  // The begin and the end of a file are where its structure is.
  const place = (): number => {
    const near = Math.min(bytes.length - 1, dice.pick([16, 128, 1024]));
    const at = dice.between(0, near);
    return dice.weighted({ begin: 2, end: 2, anywhere: 3 }) === 'begin'
      ? at
      : dice.chance(0.4)
        ? bytes.length - 1 - at
        : dice.between(0, bytes.length - 1);
  };
  const changes = dice.pick([1, 1, 1, 2, 3, 8, 30]);
  for (let i = 0; i < changes && bytes.length > 0; i++) {
    const at = place();
    const length = Math.min(dice.pick([1, 2, 4, 8, 60]), bytes.length - at);
    const kind = dice.weighted({
      flip: 4,
      set: 4,
      extreme: 3,
      cut: 1,
      remove: 1,
      insert: 1,
      copy: 2,
      add: 3,
      number: 4,
    });
    if (kind === 'flip') bytes[at] ^= 1 << dice.between(0, 7);
    else if (kind === 'set') bytes[at] = dice.between(0, 255);
    else if (kind === 'add') bytes[at] += dice.pick([1, -1, 2, 16]);
    else if (kind === 'extreme') bytes.fill(dice.pick([0, 0x7f, 0x80, 0xff, 0x39]), at, at + length);
    else if (kind === 'cut') bytes = bytes.slice(0, at);
    else if (kind === 'remove') bytes = joined(bytes.subarray(0, at), bytes.subarray(at + length));
    else if (kind === 'number') {
      const begin = bytes.findIndex((byte, k) => k >= at && isDigit(byte));
      if (begin < 0) continue;
      const end = bytes.findIndex((byte, k) => k > begin && !isDigit(byte));
      const number = [...dice.pick(numbers)].map((letter) => letter.charCodeAt(0));
      bytes = joined(bytes.subarray(0, begin), number, end < 0 ? [] : bytes.subarray(end));
    } else if (kind === 'copy') bytes.copyWithin(place(), at, at + length);
    else {
      const more = Array.from({ length: dice.between(1, 9) }, () => dice.between(0, 255));
      bytes = joined(bytes.subarray(0, at), more, bytes.subarray(at));
    }
  }
  return bytes;
}
