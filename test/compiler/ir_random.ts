import type {
  BinaryOp,
  Buffer,
  CompareOp,
  Expr,
  Index,
  KernelFunction,
  Local,
  LoopProgram,
  Scalar,
  Statement,
  Type,
  UnaryOp,
} from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';

/** Random programs of the loop IR whose accesses stay inside their buffers, for comparing printers with the interpreter. */

/** A small deterministic generator (xorshift32). */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** An integer of low to high, inclusive. */
  between(low: number, high: number): number {
    return low + (this.next() % (high - low + 1));
  }

  chance(percent: number): boolean {
    return this.next() % 100 < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.next() % items.length];
  }
}

/** Elements of every buffer. */
export const length = 300;

const scalars: readonly Scalar[] = ['f32', 'f64', 'i32', 'u32', 'bool'];
const bytes: Record<Scalar, number> = { f32: 4, f64: 8, i32: 4, u32: 4, bool: 1 };

/** One argument buffer of each scalar, two arena buffers of each. Argument k + 1 is of scalars[k]. */
export const buffers: readonly Buffer[] = [
  ...scalars.map(
    (scalar, k): Buffer => ({ name: scalar, scalar, place: { kind: 'argument', argument: k + 1 } }),
  ),
  ...scalars.flatMap((scalar, k): Buffer[] =>
    [0, 1].map((n) => ({
      name: `${scalar}_arena${n}`,
      scalar,
      place: { kind: 'arena', offset: 2432 * (2 * k + n) },
    })),
  ),
];

/** Bytes of the arena that `buffers` take. */
const arenaBytes = 2432 * 10;
/** Elements of a thread's scratch buffers, and bytes from a buffer to the next, enough for four threads. */
const threadElements = 40;
const threadBytes = 4 * 640;

/** Scratch memory of the threads, behind the rest of the arena: two buffers of each scalar. */
const threadBuffers: readonly Buffer[] = scalars.flatMap((scalar, k): Buffer[] =>
  [0, 1].map((n) => ({
    name: `${scalar}_thread${n}`,
    scalar,
    place: { kind: 'thread', offset: arenaBytes + threadBytes * (2 * k + n), stride: n === 0 ? 640 : 320 },
  })),
);

/** Bytes of the arena with the scratch memory of up to four threads, which programs with chunks use. */
export const arenaWithThreads = arenaBytes + threadBytes * 10;

export const bytesOfScalar = (scalar: Scalar): number => bytes[scalar];

const floatValues = [
  0,
  -0,
  1,
  -1,
  0.5,
  -2.5,
  3.75,
  1e10,
  -1e-10,
  1.5,
  2.5,
  Infinity,
  -Infinity,
  Number.NaN,
  1e-42,
  3e38,
];
const integerValues = [0, 1, -1, 2, 3, 7, 31, 33, 255, -128, 65537, 2 ** 31 - 1, -(2 ** 31), 123456789];

/** A value that finds the corners of its type more often than not. */
export function randomValue(random: Random, scalar: Scalar): number {
  if (scalar === 'bool') return random.between(0, 1);
  if (scalar === 'f32' || scalar === 'f64') {
    const value = random.chance(40) ? random.pick(floatValues) : (random.next() / 2 ** 31 - 1) * 8;
    return scalar === 'f32' ? Math.fround(value) : value;
  }
  const value = random.chance(60) ? random.pick(integerValues) : random.next() | 0;
  return scalar === 'u32' ? value >>> 0 : value;
}

/** An i32 local that stays within bounds. */
interface Bounded {
  readonly local: Local;
  readonly low: number;
  readonly high: number;
  /** A loop's variable, which nobody else may set. */
  readonly owned: boolean;
}

interface Scope {
  readonly bounded: readonly Bounded[];
  readonly values: readonly Local[];
}

/** Elements of a buffer: `extent` of them from `base` on. */
interface Region {
  readonly extent: number;
  readonly base: Index;
}

const wholeRegion: Region = { extent: length, base: ir.index(0) };
const scratchRegion: Region = { extent: threadElements, base: ir.index(0) };

/** What a kernel may access: the regions of buffers of which it may not access everything. */
interface Kernel {
  readonly written: readonly Buffer[];
  readonly read: readonly Buffer[];
  readonly regions: ReadonlyMap<Buffer, Region>;
}

const wholeBuffers: Kernel = { written: buffers, read: buffers, regions: new Map() };

const i32 = ir.typeOf('i32');
const widths = (scalar: Scalar): readonly number[] => (scalar === 'f64' ? [1, 2] : [1, 2, 4, 4]);
const unaryFloat: readonly UnaryOp[] = ['neg', 'abs', 'sqrt', 'floor', 'ceil', 'round'];
const mathOps: readonly UnaryOp[] = ['exp', 'log', 'expm1', 'log1p', 'sin', 'cos', 'tanh', 'erf', 'sigmoid'];
const arithmetic: readonly BinaryOp[] = ['add', 'sub', 'mul', 'div', 'rem', 'max', 'min'];
const integerOps: readonly BinaryOp[] = [...arithmetic, 'and', 'or', 'xor', 'shl', 'shr'];

export class ProgramGenerator {
  private readonly random: Random;
  private names = 0;
  private kernel: Kernel = wholeBuffers;
  private doubleFunctions = true;

  constructor(random: Random) {
    this.random = random;
  }

  /**
   * One or two kernels; with `chunks` one to four, most of which have up to six chunks and use the threads' scratch memory.
   * Without `doubleFunctions` there are no functions of f64 that a printer must import.
   */
  program({ chunks = false, doubleFunctions = true } = {}): LoopProgram {
    const { random } = this;
    this.doubleFunctions = doubleFunctions;
    const kernels = Array.from({ length: random.between(1, chunks ? 4 : 2) }, (_, k): KernelFunction => {
      if (chunks && random.chance(75)) return this.chunked(`random${k}`);
      this.kernel = wholeBuffers;
      return { name: `random${k}`, body: this.block({ bounded: [], values: [] }, 3) };
    });
    return { kernels };
  }

  /** Each chunk writes to a part of its own of some of the buffers, and reads only from that part of them. */
  private chunked(name: string): KernelFunction {
    const { random } = this;
    const count = random.between(1, 6);
    const variable = ir.local(this.name('chunk'), i32);
    const part = Math.floor(length / count);
    const [shared, own]: Buffer[][] = [[], []];
    for (const buffer of buffers) (random.chance(50) ? own : shared).push(buffer);
    const partOf = { extent: part, base: ir.index(0, [{ local: variable, coefficient: part }]) };
    const regions = new Map<Buffer, Region>([
      ...own.map((buffer): [Buffer, Region] => [buffer, partOf]),
      ...threadBuffers.map((buffer): [Buffer, Region] => [buffer, scratchRegion]),
    ]);
    this.kernel = { written: [...own, ...threadBuffers], read: [...buffers, ...threadBuffers], regions };
    // Scratch memory holds whatever the thread's last chunk has left.
    const i = ir.local(this.name('i'), i32);
    const start = ir.indexValue(
      ir.index(-9, [
        { local: i, coefficient: 1 },
        { local: variable, coefficient: 7 },
      ]),
    );
    const filled = threadBuffers.map((buffer) =>
      ir.store(buffer, ir.index(0, [{ local: i, coefficient: 1 }]), ir.cast(buffer.scalar, start)),
    );
    const bounded = [{ local: variable, low: 0, high: count - 1, owned: true }];
    const body = [ir.loop(i, 0, threadElements, 1, filled), ...this.block({ bounded, values: [] }, 3)];
    return { name, chunks: { variable, count }, body };
  }

  /** The part of a buffer in which accesses of the current kernel must stay. */
  private regionOf(buffer: Buffer): Region {
    return this.kernel.regions.get(buffer) ?? wholeRegion;
  }

  private name(prefix: string): string {
    return prefix + this.names++;
  }

  private type(): Type {
    const scalar = this.random.pick(scalars);
    return ir.typeOf(scalar, this.random.pick(widths(scalar)));
  }

  private block(outer: Scope, depth: number): Statement[] {
    const { random } = this;
    const body: Statement[] = [];
    const bounded = [...outer.bounded];
    const values = [...outer.values];
    for (let count = random.between(1, depth === 3 ? 5 : 4); count > 0; count--) {
      const scope = { bounded, values };
      const what = random.between(0, 99);
      if (what < 12) {
        const fresh = random.chance(60) || values.length === 0;
        const target = fresh ? ir.local(this.name('v'), this.type()) : random.pick(values);
        body.push(ir.set(target, this.value(scope, target.type, 3)));
        if (fresh) values.push(target);
      } else if (what < 24) this.setBounded(bounded, scope, body);
      else if (what < 55 || depth === 0) this.stores(scope, body);
      else if (what < 62) {
        const then = this.block(scope, depth - 1);
        const otherwise = random.chance(50) ? this.block(scope, depth - 1) : [];
        body.push(ir.ifThen(this.value(scope, ir.typeOf('bool'), 2), then, otherwise));
      } else if (what < 68) body.push(...this.whileLoop(scope, depth));
      else body.push(...this.forLoop(scope, depth));
    }
    return body;
  }

  /** Defines an index local, or sets one again within the bounds that it has. */
  private setBounded(bounded: Bounded[], scope: Scope, body: Statement[]): void {
    const { random } = this;
    const free = bounded.filter(({ owned }) => !owned);
    if (free.length > 0 && random.chance(50)) {
      const { local, low, high } = random.pick(free);
      body.push(ir.set(local, this.clamped(scope, low, high)));
      return;
    }
    const local = ir.local(this.name('p'), i32);
    const low = random.between(-20, 10);
    const high = low + random.between(0, 30);
    body.push(ir.set(local, this.clamped(scope, low, high)));
    bounded.push({ local, low, high, owned: false });
  }

  private clamped(scope: Scope, low: number, high: number): Expr {
    const { random } = this;
    const x = random.chance(50) ? ir.indexValue(this.terms(scope).index) : this.value(scope, i32, 1);
    return ir.binary('max', ir.binary('min', x, ir.i32Constant(high)), ir.i32Constant(low));
  }

  private forLoop(scope: Scope, depth: number): Statement[] {
    const { random } = this;
    const variable = ir.local(this.name('i'), i32);
    const step = random.pick([1, 1, 1, 2, 4]);
    let low = random.between(-2, 3);
    let high = low + step * random.between(0, 4) + random.between(0, step - 1);
    let [begin, end]: Expr[] = [ir.i32Constant(low), ir.i32Constant(high)];
    const before: Statement[] = [];
    if (scope.bounded.length > 0 && random.chance(40)) {
      const start = random.pick(scope.bounded);
      begin = ir.indexValue(ir.index(1, [{ local: start.local, coefficient: 1 }]));
      end = ir.indexValue(ir.index(5, [{ local: start.local, coefficient: 1 }]));
      [low, high] = [start.low + 1, start.high + 5];
    } else if (random.chance(30)) {
      const limit = ir.local(this.name('n'), i32);
      before.push(ir.set(limit, this.clamped(scope, low, high)));
      end = ir.get(limit);
    }
    const own = { local: variable, low, high: Math.max(low, high - 1), owned: true };
    const body = this.block({ ...scope, bounded: [...scope.bounded, own] }, depth - 1);
    if (!random.chance(30)) return [...before, ir.loop(variable, begin, end, step, body)];
    // A local that runs along by itself, forwards or backwards, in the middle of the loop.
    const rounds = Math.max(1, Math.ceil((high - low) / step));
    const stride = random.pick([1, 2, 5, -1, -3]);
    const running = {
      local: ir.local(this.name('r'), i32),
      low: Math.min(0, stride * rounds),
      high: Math.max(0, stride * rounds),
      owned: true,
    };
    const inside = { ...scope, bounded: [...scope.bounded, own, running] };
    const advance = ir.set(running.local, ir.binary('add', ir.get(running.local), ir.i32Constant(stride)));
    const halves = [this.block(inside, depth - 1), [advance], this.block(inside, depth - 1)];
    return [
      ...before,
      ir.set(running.local, ir.i32Constant(0)),
      ir.loop(variable, begin, end, step, halves.flat()),
    ];
  }

  private whileLoop(scope: Scope, depth: number): Statement[] {
    const { random } = this;
    const rounds = random.between(0, 4);
    const counter = { local: ir.local(this.name('w'), i32), low: 0, high: rounds, owned: true };
    const inside = { ...scope, bounded: [...scope.bounded, counter] };
    const advance = ir.set(counter.local, ir.binary('add', ir.get(counter.local), ir.i32Constant(1)));
    const going = ir.compare('lt', ir.get(counter.local), ir.i32Constant(rounds));
    // A load in the condition, whose value does not matter.
    const loaded = ir.compare('eq', this.value(inside, i32, 1), ir.i32Constant(7));
    const condition = ir.binary('and', going, ir.binary('or', loaded, ir.unary('not', loaded)));
    return [
      ir.set(counter.local, ir.i32Constant(0)),
      ir.whileLoop(condition, [...this.block(inside, depth - 1), advance]),
    ];
  }

  /** Random terms with the bounds of their sum, which leave room for some lanes within `extent`. */
  private terms(scope: Scope, extent = length): { index: Index; low: number; high: number } {
    const { random } = this;
    let [low, high] = [0, 0];
    const terms: { local: Local; coefficient: number }[] = [];
    for (let count = random.between(0, 3); count > 0 && scope.bounded.length > 0; count--) {
      const item = random.pick(scope.bounded);
      const coefficient = random.pick([1, 1, 2, 3, 4, 8, 12, -1, -2, -5]);
      const [a, b] = [item.low * coefficient, item.high * coefficient];
      if (high - low + Math.abs(a - b) > extent - 20) continue;
      terms.push({ local: item.local, coefficient });
      low += Math.min(a, b);
      high += Math.max(a, b);
    }
    let index = ir.index(0, terms);
    if (random.chance(15)) {
      const part = this.clamped(scope, 0, 9);
      index = { ...index, dynamic: [part] };
      high += 9;
    }
    return { index, low, high };
  }

  /** A valid index of `lanes` elements, low offsets and shared terms more often than not. */
  private access(scope: Scope, buffer: Buffer, lanes: number): Index {
    const { random } = this;
    const { extent, base } = this.regionOf(buffer);
    const { index, low, high } = this.terms(scope, extent);
    const spare = Math.max(0, extent - lanes - (high - low));
    const start = random.chance(60) ? random.between(0, Math.min(4, spare)) : random.between(0, spare);
    return ir.addIndex(ir.addIndex(index, base), ir.index(start - low));
  }

  /** An index that may lie outside, and the condition that it does not. */
  private guarded(scope: Scope, buffer: Buffer): { index: Index; inside: Expr } {
    const { extent, base } = this.regionOf(buffer);
    const { index, low } = this.terms(scope, extent);
    const shifted = ir.addIndex(
      index,
      ir.index(this.random.between(-60, 30) - (this.random.chance(50) ? low : 0)),
    );
    const at = ir.indexValue(shifted);
    const inside = ir.binary(
      'and',
      ir.compare('le', ir.i32Constant(0), at),
      ir.compare('lt', at, ir.i32Constant(extent)),
    );
    return { index: ir.addIndex(shifted, base), inside };
  }

  private stores(scope: Scope, body: Statement[]): void {
    const { random } = this;
    const buffer = random.pick(this.kernel.written);
    if (random.chance(25)) {
      const { index, inside } = this.guarded(scope, buffer);
      body.push(ir.ifThen(inside, [ir.store(buffer, index, this.value(scope, ir.typeOf(buffer.scalar), 2))]));
      return;
    }
    const lanes = random.pick(widths(buffer.scalar));
    const at = this.access(scope, buffer, lanes);
    const value = this.value(scope, ir.typeOf(buffer.scalar, lanes), 3);
    body.push(ir.store(buffer, at, value, this.count(value.type)));
    if (random.chance(40)) {
      // Neighbours: accesses that differ by a constant.
      const region = this.regionOf(buffer);
      const source = random.pick(
        this.kernel.read.filter(
          (other) => other.scalar === buffer.scalar && [region, wholeRegion].includes(this.regionOf(other)),
        ),
      );
      body.push(ir.store(buffer, at, ir.load(source, at, lanes)));
    }
  }

  private load(scope: Scope, type: Type): Expr {
    const { random } = this;
    const buffer = random.pick(this.kernel.read.filter(({ scalar }) => scalar === type.scalar));
    if (type.lanes === 1 && random.chance(30)) {
      const { index, inside } = this.guarded(scope, buffer);
      return ir.choose(inside, ir.load(buffer, index), ir.constant(type, 1));
    }
    return ir.load(buffer, this.access(scope, buffer, type.lanes), type.lanes, this.count(type));
  }

  /** How many lanes an access covers: mostly all. */
  private count({ scalar, lanes }: Type): number {
    const whole = lanes === 1 || scalar === 'bool' || scalar === 'f64' || this.random.chance(75);
    return whole ? lanes : this.random.between(1, lanes - 1);
  }

  /** A random expression of a type, at most `depth` operations deep. */
  value(scope: Scope, type: Type, depth: number): Expr {
    const { random } = this;
    const same = scope.values.filter((local) => ir.sameType(local.type, type));
    if (depth === 0 || random.chance(15)) {
      if (same.length > 0 && random.chance(40)) return ir.get(random.pick(same));
      if (ir.sameType(type, i32) && random.chance(30)) return ir.indexValue(this.terms(scope).index);
      return random.chance(70) ? this.load(scope, type) : ir.constant(type, randomValue(random, type.scalar));
    }
    const inner = (t: Type): Expr => this.value(scope, t, depth - 1);
    const { scalar, lanes } = type;
    const bool = ir.typeOf('bool', lanes);
    const what = random.between(0, 99);
    if (what < 10) return ir.select(inner(bool), inner(type), inner(type));
    if (what < 20) {
      const from = random.pick(scalars.filter((s) => widths(s).includes(lanes)));
      return ir.cast(scalar, inner(ir.typeOf(from, lanes)));
    }
    if (lanes > 1 && what < 30) return ir.splat(inner(ir.typeOf(scalar)), lanes);
    if (lanes > 1 && what < 36) {
      const chosen = Array.from({ length: lanes }, () => random.between(0, 2 * lanes - 1));
      return ir.shuffle(inner(type), inner(type), chosen);
    }
    if (lanes > 1 && what < 40 && (scalar === 'i32' || scalar === 'u32'))
      return ir.laneIndices(scalar, lanes);
    if (lanes === 1 && what < 26) return ir.choose(inner(bool), inner(type), inner(type));
    if (lanes === 1 && what < 36) {
      const vector = ir.typeOf(scalar, random.pick(widths(scalar)));
      const x = inner(vector);
      if (random.chance(50)) return ir.extract(x, random.between(0, vector.lanes - 1));
      const kinds =
        scalar === 'bool'
          ? (['and', 'or'] as const)
          : scalar === 'f32' || scalar === 'f64'
            ? (['add', 'mul', 'max', 'min'] as const)
            : (['add', 'mul', 'max', 'min', 'and', 'or'] as const);
      return ir.fold(random.pick<(typeof kinds)[number]>(kinds), x);
    }
    if (what < 46 && (scalar === 'i32' || scalar === 'u32' || scalar === 'f32')) {
      if (scalar === 'f32') return ir.bitcast('f32', inner(ir.typeOf('i32', lanes)));
      // The bits of a NaN are not prescribed.
      const x = inner(ir.typeOf('f32', lanes));
      const number = ir.select(ir.compare('eq', x, x), x, ir.constant(x.type, 0));
      return ir.bitcast(scalar, number);
    }
    if (scalar === 'bool') {
      if (random.chance(20)) return ir.unary('not', inner(type));
      if (random.chance(30))
        return ir.binary(random.pick<BinaryOp>(['and', 'or', 'xor']), inner(type), inner(type));
      const of = ir.typeOf(random.pick(scalars.filter((s) => widths(s).includes(lanes))), lanes);
      return ir.compare(random.pick<CompareOp>(['eq', 'ne', 'lt', 'le']), inner(of), inner(of));
    }
    if (scalar === 'f32' || scalar === 'f64') {
      if (random.chance(25)) return ir.unary(random.pick(unaryFloat), inner(type));
      const functions = scalar === 'f32' || this.doubleFunctions;
      if (functions && random.chance(15)) return ir.unary(random.pick(mathOps), inner(type));
      const kind = functions && random.chance(5) ? 'pow' : random.pick(arithmetic);
      return ir.binary(kind === 'rem' && !functions ? 'sub' : kind, inner(type), inner(type));
    }
    if (random.chance(25)) return ir.unary(random.pick<UnaryOp>(['neg', 'abs', 'not']), inner(type));
    const kind = random.pick(integerOps);
    const b = random.chance(30) ? ir.constant(type, randomValue(random, scalar)) : inner(type);
    return ir.binary(kind, inner(type), b);
  }
}
