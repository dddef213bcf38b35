import type { SafetensorsDtype } from '../safetensors_format.ts';
import type { Cursor } from './source.ts';

/** What the elements of a dataset or attribute are. */
export type Datatype =
  /** Numbers that the library can read; of enumerations their values. */
  | {
      readonly kind: 'number';
      readonly size: number;
      readonly dtype: SafetensorsDtype;
      readonly bigEndian: boolean;
    }
  /** Texts of a fixed number of bytes. */
  | { readonly kind: 'text'; readonly size: number; readonly spacePadded: boolean }
  /** Texts of any length, in the global heap. */
  | { readonly kind: 'variable text'; readonly size: number }
  /** Bytes without a meaning that the file knows. */
  | { readonly kind: 'opaque'; readonly size: number }
  /** What cannot be read, by its name. */
  | { readonly kind: 'other'; readonly size: number; readonly name: string };

/** Floats by size: precision, place and size of the exponent, of the mantissa, bias. */
const floats: Readonly<Record<string, SafetensorsDtype>> = {
  '16,10,5,0,10,15': 'F16',
  '16,7,8,0,7,127': 'BF16',
  '32,23,8,0,23,127': 'F32',
  '64,52,11,0,52,1023': 'F64',
};

const others: Readonly<Record<number, string>> = {
  2: 'times',
  4: 'bit fields',
  6: 'compounds',
  7: 'references',
  9: 'sequences of variable length',
  10: 'arrays',
  11: 'complex numbers',
};

/** Types may stand in each other: enumerations of integers, arrays of them. */
const deepest = 4;

/**
 * Reads a datatype message.
 *
 * @throws FormatError if it is damaged; types that cannot be read are of kind `other`
 */
export function readDatatype(cursor: Cursor, depth = 0): Datatype {
  const { source } = cursor;
  if (depth > deepest) return source.fail('damaged: a datatype has too many others inside');
  const head = cursor.u8();
  const [version, type] = [head >> 4, head & 15];
  const bits = cursor.uint(3);
  const size = cursor.u32();
  if (version < 1 || version > 5)
    return source.fail(`the datatype has version ${version}, which cannot be read`);
  const other = (name: string): Datatype => ({ kind: 'other', size, name });
  if (size === 0) return source.fail('damaged: elements of the datatype take 0 bytes');
  switch (type) {
    case 0: {
      const offset = cursor.u16();
      const precision = cursor.u16();
      const dtype = `${bits & 8 ? 'I' : 'U'}${8 * size}` as SafetensorsDtype;
      if (offset !== 0 || precision !== 8 * size || ![1, 2, 4, 8].includes(size))
        return other(`integers of ${precision} bits in ${size} bytes`);
      return { kind: 'number', size, dtype, bigEndian: (bits & 1) !== 0 };
    }
    case 1: {
      const offset = cursor.u16();
      const precision = cursor.u16();
      const layout = [precision, cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8(), cursor.u32()].join();
      const dtype = floats[layout];
      if (offset !== 0 || dtype === undefined || 8 * size !== precision || bits & 0x40)
        return other(`floats of ${size} bytes with the layout ${layout}`);
      return { kind: 'number', size, dtype, bigEndian: (bits & 1) !== 0 };
    }
    case 3:
      return { kind: 'text', size, spacePadded: (bits & 15) === 2 };
    case 5:
      return { kind: 'opaque', size };
    case 8: {
      const base = readDatatype(cursor, depth + 1);
      const names = Array.from({ length: bits & 0xffff }, () => cursor.terminated(version < 3 ? 8 : 1));
      if (base.kind !== 'number' || base.size !== size) return other('enumerations');
      const values = names.map(() => cursor.raw(size)[0]);
      // That is how h5py writes booleans.
      const isBool = size === 1 && names.join() === 'FALSE,TRUE' && values.join() === '0,1';
      return { ...base, dtype: isBool ? 'BOOL' : base.dtype };
    }
    case 9:
      return (bits & 15) === 1 ? { kind: 'variable text', size } : other(others[9]);
    default:
      return other(others[type] ?? `elements of class ${type}`);
  }
}
