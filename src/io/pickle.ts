import { FormatError } from './safetensors_format.ts';

/**
 * Python's pickles as data. The parser is a stack machine like Python's own, but it executes nothing: what a pickle
 * names (classes, functions) must be in a table of the caller, which says what data it stands for, and everything else is an
 * error. Protocols 0 to 5, described in Python's pickletools.
 */

/** A dictionary, in its order; keys may be any value. */
export class PickleDict {
  readonly entries = new Map<unknown, unknown>();
}

/** A class or function that a pickle names. */
export class PickleGlobal {
  /** `module.name` */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What a pickle may name and refer to. */
export interface PickleWorld {
  /** The names that may occur; what a call of one makes of its arguments, or null where it may only be mentioned. */
  readonly globals: ReadonlyMap<string, ((args: readonly unknown[]) => unknown) | null>;
  /** What a persistent id stands for. */
  readonly persistent?: (id: unknown) => unknown;
  /** What to do about a name that is not in the table, for the error. */
  readonly remedy: string;
}

const mark = Symbol('mark');

/** Values nested deeper than this are refused. */
const deepest = 1000;

/**
 * Reads one pickle.
 *
 * @param name what error messages call it
 * @returns the value: null, booleans, numbers, bigints (beyond 2^53), strings, Uint8Array, arrays (lists, tuples and sets),
 * PickleDict, and what the world makes; and where the pickle ends
 * @throws FormatError that names the global, the operation or what else is wrong
 */
export function parsePickle(
  bytes: Uint8Array,
  name: string,
  world: PickleWorld,
  start = 0,
): { value: unknown; end: number } {
  return new PickleMachine(bytes, name, world, start).run();
}

class PickleMachine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #name: string;
  readonly #world: PickleWorld;
  readonly #memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  #at: number;

  constructor(bytes: Uint8Array, name: string, world: PickleWorld, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#name = name;
    this.#world = world;
    this.#at = start;
  }

  run(): { value: unknown; end: number } {
    for (;;) {
      const at = this.#at;
      const code = this.#byte();
      if (code === 0x2e) {
        if (this.#stack.length !== 1) this.#fail(`it ends with ${this.#stack.length} values instead of one`);
        return { value: this.#pop(), end: this.#at };
      }
      const operation = operations[code];
      if (operation === undefined)
        this.#fail(
          `byte 0x${code.toString(16).padStart(2, '0')} at ${at} is no operation that data needs; the file is damaged, or no pickle`,
        );
      operation(this.#hands);
    }
  }

  /** What operations work with. */
  readonly #hands: Hands = {
    push: (value) => void this.#stack.push(value),
    pop: () => this.#pop(),
    top: () => {
      if (this.#stack.length === 0) return this.#fail('its stack is empty');
      return this.#stack[this.#stack.length - 1];
    },
    popMark: () => {
      const at = this.#stack.lastIndexOf(mark);
      if (at < 0) return this.#fail('a mark is missing');
      const values = this.#stack.splice(at);
      values.shift();
      return values;
    },
    mark: () => void this.#stack.push(mark),
    byte: () => this.#byte(),
    take: (length) => this.#take(length),
    uint16: () => this.#fixed(2).getUint16(0, true),
    int32: () => this.#fixed(4).getInt32(0, true),
    uint32: () => this.#fixed(4).getUint32(0, true),
    uint64: () => {
      const view = this.#fixed(8);
      return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
    },
    float64: () => this.#fixed(8).getFloat64(0, false),
    line: () => this.#line(),
    remember: (key, value) => void this.#memo.set(key, value),
    memoCount: () => this.#memo.size,
    recall: (key) => {
      if (!this.#memo.has(key)) return this.#fail(`it refers to value ${key}, which it has not made`);
      return this.#memo.get(key);
    },
    fail: (what) => this.#fail(what),
    global: (module, global) => {
      const full = `${module}.${global}`;
      if (!this.#world.globals.has(full))
        return this.#fail(`it names ${shown(full)}, which is not plain data: ${this.#world.remedy}`);
      return new PickleGlobal(full);
    },
    call: (global, args) => {
      if (!(global instanceof PickleGlobal))
        return this.#fail('it calls something that is no class or function');
      const make = this.#world.globals.get(global.name);
      if (!make) return this.#fail(`it calls ${shown(global.name)}, which may only be mentioned`);
      if (!Array.isArray(args)) return this.#fail(`the arguments of ${shown(global.name)} are no tuple`);
      return make(args);
    },
    persistent: (id) => {
      if (this.#world.persistent === undefined)
        return this.#fail('it refers to something outside of it (a persistent id)');
      return this.#world.persistent(id);
    },
  };

  #fail(what: string): never {
    throw new FormatError(`${this.#name}: pickle: ${what}`);
  }

  #pop(): unknown {
    const value = this.#stack.pop();
    if (value === undefined || value === mark)
      return this.#fail('its stack is empty where a value is needed');
    return value;
  }

  #byte(): number {
    if (this.#at >= this.#bytes.length) this.#fail('truncated');
    return this.#bytes[this.#at++];
  }

  #take(length: number): Uint8Array {
    if (!(length >= 0 && length <= this.#bytes.length - this.#at))
      this.#fail(`truncated: ${length} bytes should follow byte ${this.#at} of ${this.#bytes.length}`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #fixed(length: number): DataView {
    this.#take(length);
    return new DataView(this.#view.buffer, this.#view.byteOffset + this.#at - length, length);
  }

  #line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) this.#fail('truncated: a line has no end');
    const text = utf8(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }
}

interface Hands {
  push(value: unknown): void;
  pop(): unknown;
  top(): unknown;
  /** The values above the last mark, which goes, too. */
  popMark(): unknown[];
  mark(): void;
  byte(): number;
  take(length: number): Uint8Array;
  uint16(): number;
  int32(): number;
  uint32(): number;
  uint64(): number;
  float64(): number;
  line(): string;
  remember(key: number, value: unknown): void;
  memoCount(): number;
  recall(key: number): unknown;
  fail(what: string): never;
  global(module: string, name: string): PickleGlobal;
  call(global: unknown, args: unknown): unknown;
  persistent(id: unknown): unknown;
}

type Operation = (hands: Hands) => void;

const decoder = new TextDecoder();
const utf8 = (bytes: Uint8Array): string => decoder.decode(bytes);
const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (b) => String.fromCharCode(b)).join('');
/** A name as errors show it. */
const shown = (name: string): string =>
  /^[\w.]{1,100}$/.test(name) ? name : JSON.stringify(name.slice(0, 100));

/** A little-endian integer in two's complement of any length. */
function long(bytes: Uint8Array, hands: Hands): number | bigint {
  // Turning long integers into text and back takes quadratic time; no count or key is that long.
  if (bytes.length > 1024) return hands.fail(`an integer of ${bytes.length} bytes`);
  if (bytes.length === 0) return 0;
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return plain(BigInt.asIntN(8 * bytes.length, value));
}

const plain = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

function integerOf(text: string, hands: Hands): number | bigint {
  const digits = text.replace(/L$/, '');
  if (!/^[+-]?\d{1,1000}$/.test(digits))
    return hands.fail(`${JSON.stringify(text.slice(0, 50))} is no integer`);
  return plain(BigInt(digits));
}

const list = (hands: Hands): unknown[] => {
  const target = hands.top();
  return Array.isArray(target) ? target : hands.fail('it appends to something that is no list');
};

function setItems(hands: Hands, target: unknown, items: readonly unknown[]): void {
  if (!(target instanceof PickleDict)) throw hands.fail('it sets an item of something that is no dictionary');
  if (items.length % 2 !== 0) hands.fail('a key of a dictionary has no value');
  for (let i = 0; i < items.length; i += 2) target.entries.set(items[i], items[i + 1]);
}

const dictOf = (hands: Hands, items: readonly unknown[]): PickleDict => {
  const dict = new PickleDict();
  setItems(hands, dict, items);
  return dict;
};

/** Takes `count` values off the stack, in the order in which they were put there. */
const tuple = (hands: Hands, count: number): unknown[] =>
  Array.from({ length: count }, () => hands.pop()).reverse();

/** A string in quotes with Python's escapes, of protocol 0. */
function quoted(line: string, hands: Hands): string {
  const quote = line[0];
  if (line.length < 2 || (quote !== "'" && quote !== '"') || line[line.length - 1] !== quote)
    return hands.fail('a string is not in quotes');
  const simple: Readonly<Record<string, string>> = {
    n: '\n',
    t: '\t',
    r: '\r',
    '\\': '\\',
    "'": "'",
    '"': '"',
  };
  return line
    .slice(1, -1)
    .replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex, escaped) =>
      hex === undefined
        ? (simple[escaped] ?? hands.fail('a string has an unknown escape'))
        : String.fromCharCode(Number.parseInt(hex, 16)),
    );
}

const globalOf = (hands: Hands): PickleGlobal => {
  const module = hands.line();
  return hands.global(module, hands.line());
};

/** By the byte that stands for them; those that make objects of arbitrary classes (INST, OBJ, NEWOBJ of one, EXT) are not here. */
const operations: Readonly<Record<number, Operation>> = Object.fromEntries(
  (
    [
      ['\x80', (h) => h.byte() > 5 && h.fail('its protocol is newer than 5')], // PROTO
      ['\x95', (h) => h.take(8)], // FRAME
      ['(', (h) => h.mark()],
      ['0', (h) => h.pop()],
      ['1', (h) => h.popMark()],
      ['2', (h) => h.push(h.top())],
      ['N', (h) => h.push(null)],
      ['\x88', (h) => h.push(true)],
      ['\x89', (h) => h.push(false)],
      [
        'I',
        (h) => {
          const line = h.line();
          h.push(line === '01' ? true : line === '00' ? false : integerOf(line, h));
        },
      ],
      ['L', (h) => h.push(integerOf(h.line(), h))],
      ['J', (h) => h.push(h.int32())],
      ['K', (h) => h.push(h.byte())],
      ['M', (h) => h.push(h.uint16())],
      ['\x8a', (h) => h.push(long(h.take(h.byte()), h))],
      ['\x8b', (h) => h.push(long(h.take(h.int32()), h))],
      [
        'F',
        (h) => {
          const line = h.line();
          const special: Readonly<Record<string, number>> = { inf: Infinity, '-inf': -Infinity, nan: NaN };
          const value = Object.hasOwn(special, line) ? special[line] : Number(line);
          if (line.trim() === '' || (Number.isNaN(value) && line !== 'nan')) h.fail('a float is no number');
          h.push(value);
        },
      ],
      ['G', (h) => h.push(h.float64())],
      ['S', (h) => h.push(quoted(h.line(), h))],
      ['T', (h) => h.push(latin1(h.take(h.int32())))],
      ['U', (h) => h.push(latin1(h.take(h.byte())))],
      ['V', (h) => h.push(h.line())],
      ['X', (h) => h.push(utf8(h.take(h.uint32())))],
      ['\x8c', (h) => h.push(utf8(h.take(h.byte())))],
      ['\x8d', (h) => h.push(utf8(h.take(h.uint64())))],
      ['B', (h) => h.push(h.take(h.uint32()).slice())],
      ['C', (h) => h.push(h.take(h.byte()).slice())],
      ['\x8e', (h) => h.push(h.take(h.uint64()).slice())],
      [']', (h) => h.push([])],
      ['l', (h) => h.push(h.popMark())],
      [
        'a',
        (h) => {
          const value = h.pop();
          list(h).push(value);
        },
      ],
      ['e', (h) => appendAll(h)],
      [')', (h) => h.push([])],
      ['t', (h) => h.push(h.popMark())],
      ['\x85', (h) => h.push(tuple(h, 1))],
      ['\x86', (h) => h.push(tuple(h, 2))],
      ['\x87', (h) => h.push(tuple(h, 3))],
      ['}', (h) => h.push(new PickleDict())],
      ['d', (h) => h.push(dictOf(h, h.popMark()))],
      [
        's',
        (h) => {
          const items = tuple(h, 2);
          setItems(h, h.top(), items);
        },
      ],
      [
        'u',
        (h) => {
          const items = h.popMark();
          setItems(h, h.top(), items);
        },
      ],
      ['\x8f', (h) => h.push([])], // EMPTY_SET
      ['\x90', (h) => appendAll(h)], // ADDITEMS
      ['\x91', (h) => h.push(h.popMark())], // FROZENSET
      ['p', (h) => h.remember(Number(integerOf(h.line(), h)), h.top())],
      ['q', (h) => h.remember(h.byte(), h.top())],
      ['r', (h) => h.remember(h.uint32(), h.top())],
      ['\x94', (h) => h.remember(h.memoCount(), h.top())],
      ['g', (h) => h.push(h.recall(Number(integerOf(h.line(), h))))],
      ['h', (h) => h.push(h.recall(h.byte()))],
      ['j', (h) => h.push(h.recall(h.uint32()))],
      ['c', (h) => h.push(globalOf(h))],
      [
        '\x93',
        (h) => {
          const [module, name] = tuple(h, 2);
          if (typeof module !== 'string' || typeof name !== 'string')
            h.fail('the name of a global is no string');
          h.push(h.global(module as string, name as string));
        },
      ],
      // REDUCE and NEWOBJ: a call by the table.
      ...['R', '\x81'].map((code): [string, Operation] => [
        code,
        (h) => {
          const [global, args] = tuple(h, 2);
          h.push(h.call(global, args));
        },
      ]),
      // Attributes: of dictionaries (the versions that PyTorch notes) and tensors nothing depends on them.
      ['b', (h) => h.pop()],
      ['P', (h) => h.push(h.persistent(h.line()))],
      ['Q', (h) => h.push(h.persistent(h.pop()))],
    ] as [string, Operation][]
  ).map(([code, operation]) => [code.charCodeAt(0), operation]),
);

function appendAll(hands: Hands): void {
  const values = hands.popMark();
  const target = list(hands);
  for (const value of values) target.push(value);
}

/** Plain data: what files without code hold. */
export type PlainValue<T> =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | T
  | readonly PlainValue<T>[]
  | { readonly [key: string]: PlainValue<T> };

/**
 * Turns what parsePickle gives into plain arrays and objects; keys of dictionaries become texts. Values that occur several
 * times stay one object.
 *
 * @param leaf what becomes of the objects that the world made
 * @throws FormatError when values contain themselves, or lie too deep
 */
export function plainValue<T>(value: unknown, name: string, leaf: (value: object) => T): PlainValue<T> {
  const done = new Map<object, PlainValue<T>>();
  const open = new Set<object>();
  const visit = (v: unknown): PlainValue<T> => {
    if (v === null || typeof v !== 'object') return v as PlainValue<T>;
    if (v instanceof Uint8Array) return v;
    const known = done.get(v);
    if (known !== undefined) return known;
    if (open.has(v)) throw new FormatError(`${name}: pickle: a value contains itself`);
    if (open.size > deepest)
      throw new FormatError(`${name}: pickle: values are nested more than ${deepest} deep`);
    open.add(v);
    const made = Array.isArray(v)
      ? v.map(visit)
      : v instanceof PickleDict
        ? Object.fromEntries([...v.entries].map(([key, item]) => [keyOf(key, name), visit(item)]))
        : v instanceof PickleGlobal
          ? v.name
          : leaf(v);
    open.delete(v);
    done.set(v, made);
    return made;
  };
  return visit(value);
}

function keyOf(key: unknown, name: string): string {
  if (typeof key === 'object' && key !== null)
    throw new FormatError(`${name}: pickle: a key of a dictionary is neither text nor number`);
  return String(key);
}
