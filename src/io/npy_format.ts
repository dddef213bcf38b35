import { FormatError, type SafetensorsDtype } from './safetensors_format.ts';
import { columnStrides, gather, sizeOf } from './strided.ts';

/**
 * NumPy's file format for one array, versions 1 to 3, bytes only: the magic `\x93NUMPY`, the version, the length of the
 * header, the header (a Python dictionary with `descr`, `fortran_order` and `shape`), the elements. Described in
 * numpy.lib.format.
 */

/** A decoded array: its elements row by row, little-endian. */
export interface NpyArray {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const kinds: Readonly<Record<string, SafetensorsDtype>> = {
  b1: 'BOOL',
  i1: 'I8',
  u1: 'U8',
  i2: 'I16',
  u2: 'U16',
  i4: 'I32',
  u4: 'U32',
  i8: 'I64',
  u8: 'U64',
  f2: 'F16',
  f4: 'F32',
  f8: 'F64',
};
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/**
 * Takes an NPY file apart; big-endian elements and Fortran order are turned into little-endian rows.
 *
 * @param name what error messages call the file
 * @throws FormatError that says what is wrong, or that elements are no numbers the library has (objects, texts, complex)
 */
export function decodeNpy(bytes: Uint8Array, name = 'decodeNpy'): NpyArray {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`);
  };
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte))
    return fail('not an NPY file: it does not begin with \\x93NUMPY');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[6];
  if (major < 1 || major > 3) return fail(`NPY version ${major}.${bytes[7]} is not known; 1 to 3 are`);
  if (major > 1 && bytes.length < 12) return fail('truncated: the header has no length');
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length)
    return fail(`truncated: the header takes ${length} bytes, but only ${bytes.length - start} follow`);
  const header = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(start, start + length),
  );
  const { descr, fortran, shape } = parseHeader(header, fail);
  const kind = kinds[descr.slice(1)];
  if (kind === undefined || !'<>|='.includes(descr[0]))
    return fail(
      `elements of type '${descr}' cannot be read; known are bool, integers and floats of 16 to 64 bits`,
    );
  const width = Number(descr.slice(2));
  const size = sizeOf(shape) * width;
  const data = bytes.subarray(start + length);
  if (!Number.isSafeInteger(size) || data.length !== size)
    return fail(
      `${data.length < size ? 'truncated' : 'trailing bytes'}: '${descr}' [${shape.join(', ')}] takes ${size} bytes, but ${data.length} follow the header`,
    );
  const rows = fortran ? gather(data, width, shape, columnStrides(shape), 0) : Uint8Array.from(data);
  if (descr[0] === '>' && width > 1) reverseEach(rows, width);
  return { dtype: kind, shape, data: rows };
}

function reverseEach(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** The three fields; NumPy writes them in this order, others may not. */
function parseHeader(
  text: string,
  fail: (what: string) => never,
): { descr: string; fortran: boolean; shape: number[] } {
  const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}...` : text.trim());
  if (!/^\{.*\}[\s\0]*$/s.test(text)) fail(`the header ${shown} is not a dictionary`);
  const descr = /'descr'\s*:\s*(?:'([^']*)'|"([^"]*)")/.exec(text);
  if (descr === null)
    return fail(
      /'descr'\s*:\s*\[/.test(text)
        ? 'records (structured arrays) cannot be read; save their fields one by one'
        : `the header ${shown} has no 'descr'`,
    );
  const fortran = /'fortran_order'\s*:\s*(True|False)\b/.exec(text);
  if (fortran === null) return fail(`the header ${shown} has no 'fortran_order' that is True or False`);
  const shape = /'shape'\s*:\s*\(([\d\sL,]*)\)/.exec(text);
  const extents = shape?.[1].split(',').map((part) => part.trim());
  if (extents?.[extents.length - 1] === '') extents.pop();
  // Files of Python 2 have long integers: 3L.
  if (extents === undefined || !extents.every((part) => /^\d+L?$/.test(part)))
    return fail(`the header ${shown} has no 'shape' that is a tuple of integers`);
  const sizes = extents.map((part) => Number.parseInt(part, 10));
  if (sizes.length > 64 || !sizes.every(Number.isSafeInteger))
    return fail(`the shape in ${shown} is too large`);
  return { descr: descr[1] ?? descr[2], fortran: fortran[1] === 'True', shape: sizes };
}

const descrs: Partial<Record<SafetensorsDtype, string>> = Object.fromEntries(
  Object.entries(kinds).map(([kind, dtype]) => [dtype, `${kind.endsWith('1') ? '|' : '<'}${kind}`]),
);

/**
 * The bytes of an NPY file of version 1, as NumPy writes it; 2 if the header is too long.
 *
 * @throws FormatError when NumPy has no such type (bfloat16, 8-bit floats), or the data does not fill the shape
 */
export function encodeNpy(
  dtype: SafetensorsDtype,
  shape: readonly number[],
  data: ArrayBufferView,
): Uint8Array {
  const descr = descrs[dtype];
  if (descr === undefined)
    throw new FormatError(`encodeNpy: NumPy has no type for ${dtype}; cast to float32 first`);
  const size = sizeOf(shape) * Number(descr.slice(2));
  if (size !== data.byteLength)
    throw new FormatError(
      `encodeNpy: ${dtype} [${shape.join(', ')}] takes ${size} bytes, the data has ${data.byteLength}`,
    );
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const start = text.length + 1 + 10 + 64 > 0xffff ? 12 : 10;
  const total = Math.ceil((start + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(total + size);
  bytes.set([...magic, start === 10 ? 1 : 2, 0]);
  const view = new DataView(bytes.buffer);
  if (start === 10) view.setUint16(8, total - start, true);
  else view.setUint32(8, total - start, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(total - start - 1)}\n`), start);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), total);
  return bytes;
}
