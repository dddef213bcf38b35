import type { Local, Scalar, Statement, Type } from '../ir.ts';

/** Scalars of C that a unit has names for: those of the loop IR, the 64-bit masks of f64 the bytes that store a bool, and halves of words. */
export type Element = 'f32' | 'f64' | 'i32' | 'u32' | 'i64' | 'u8' | 'u16';

const bytes: Record<Element, number> = { f32: 4, f64: 8, i32: 4, u32: 4, i64: 8, u8: 1, u16: 2 };

/** How a value of the loop IR is held: a bool is an i32 of 0 or 1, a vector of bool an i32 of 0 or -1 in each lane. */
export const elementOf = (scalar: Scalar): Element => (scalar === 'bool' ? 'i32' : scalar);

/**
 * No header is included: reading one would take longer than compiling a small program.
 *
 * Functions stand alone: GCC 12 unites kernels that come out equal once it has simplified them (a float that passes through double on the way),
 * and then runs one of them in the places of the other. Clang does not know the attribute, and does not unite.
 */
const scalars = `\
typedef float f32;
typedef double f64;
typedef __INT32_TYPE__ i32;
typedef __UINT32_TYPE__ u32;
typedef __INT64_TYPE__ i64;
typedef __UINTPTR_TYPE__ address;
typedef unsigned char u8;
typedef __UINT16_TYPE__ u16;
#define INLINE static inline __attribute__((always_inline, unused))
#define ALONE __attribute__((no_icf))
#define FUNCTION static ALONE __attribute__((noinline, unused))
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(mask, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(mask, a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif
`;

/** What a translation unit has declared so far: types and helper functions, each when it is first needed. */
export class Unit {
  private readonly types = new Map<string, string>();
  private readonly functions = new Map<string, string>();

  /** The name of `lanes` elements as a register type. */
  vector(element: Element, lanes: number): string {
    if (lanes === 1) return element;
    const name = `${element}x${lanes}`;
    if (!this.types.has(name)) {
      if (![2, 4, 8, 16].includes(lanes))
        throw new Error(`printC: no vector of ${lanes} lanes (${name}); they have 2, 4, 8 or 16`);
      const size = `vector_size(${lanes * bytes[element]})`;
      // In memory, vectors are aligned as their elements are.
      this.types.set(
        name,
        `typedef ${element} ${name} __attribute__((${size}));\n` +
          `typedef ${element} ${name}_unaligned __attribute__((${size}, aligned(${bytes[element]})));\n`,
      );
    }
    return name;
  }

  /** The name of the C type that holds a register. */
  register({ scalar, lanes }: Type): string {
    return this.vector(elementOf(scalar), lanes);
  }

  /** The name of a function, whose definition is written when it is asked for the first time. */
  helper(name: string, define: (name: string) => string): string {
    if (!this.functions.has(name)) {
      // Functions that this one needs come before it.
      const text = define(name);
      this.functions.set(name, text);
    }
    return name;
  }

  /** All declarations. */
  text(): string {
    return `${scalars}${[...this.types.values()].join('')}${[...this.functions.values()].join('')}`;
  }
}

/** The C names of registers, unique in a function. */
export class Names {
  private readonly names = new Map<Local, string>();

  /** Gives a register a name that is defined elsewhere. */
  bind(local: Local, name: string): void {
    this.names.set(local, name);
  }

  of(local: Local): string {
    let name = this.names.get(local);
    if (name === undefined) {
      // Digits of a local's own name tell kernels apart that are the same otherwise.
      name = `${local.name.replace(/[\W\d]+/g, '_')}_${this.names.size}`;
      this.names.set(local, name);
    }
    return name;
  }
}

/** Calls `visit` for every statement under `body`, outer ones first, with the number of loops around it. */
export function visitStatements(
  body: readonly Statement[],
  visit: (statement: Statement, depth: number) => void,
  depth = 0,
): void {
  for (const statement of body) {
    visit(statement, depth);
    if (statement.op === 'for' || statement.op === 'while') visitStatements(statement.body, visit, depth + 1);
    else if (statement.op === 'if') {
      visitStatements(statement.then, visit, depth);
      visitStatements(statement.otherwise, visit, depth);
    }
  }
}

/** `1.5f`, `-0.0`, `-7`, `7u`: a scalar constant. */
export function literal(element: Element, value: number): string {
  if (element === 'u32') return `${value >>> 0}u`;
  if (element === 'i32')
    return value === -(2 ** 31) ? '(-2147483647 - 1)' : value < 0 ? `(${value})` : `${value}`;
  if (element !== 'f32' && element !== 'f64') return String(value);
  const suffix = element === 'f32' ? 'f' : '';
  if (Number.isNaN(value)) return `__builtin_nan${suffix}("")`;
  const size = Math.abs(value);
  // JavaScript's shortest digits of a double are nearest to the float as well, where the double is one.
  const digits = size === Infinity ? `__builtin_inf${suffix}()` : String(size);
  const text = size === Infinity ? digits : `${/[.e]/.test(digits) ? digits : `${digits}.0`}${suffix}`;
  return value < 0 || Object.is(value, -0) ? `(-${text})` : text;
}

/** `{f(0), f(1), ..}` as a value of a vector type. */
export const eachLane = (type: string, lanes: number, f: (lane: number) => string): string =>
  `(${type}){${Array.from({ length: lanes }, (_, lane) => f(lane)).join(', ')}}`;
