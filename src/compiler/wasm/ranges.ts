import type { Expr, Index, KernelFunction, Local, Statement } from '../ir.ts';
import { i32Constant } from '../ir_build.ts';

/** Bounds of an i32 value, inclusive. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

const anything: Range = { low: -Infinity, high: Infinity };

type Definition = { readonly value: Expr } | { readonly begin: Expr; readonly end: Expr };

/**
 * What values the i32 locals of a function can have, from its loop bounds and assignments, wherever they are defined. A local
 * whose assignments depend on itself is unknown.
 */
export class Ranges {
  private readonly definitions = new Map<Local, Definition[]>();
  private readonly known = new Map<Local, Range>();

  constructor(body: readonly Statement[], chunks?: KernelFunction['chunks']) {
    if (chunks !== undefined)
      this.define(chunks.variable, { begin: i32Constant(0), end: i32Constant(chunks.count) });
    this.collect(body);
  }

  private collect(body: readonly Statement[]): void {
    for (const statement of body) {
      if (statement.op === 'set') {
        if (statement.local.type.scalar === 'i32') this.define(statement.local, statement);
      } else if (statement.op === 'for') {
        this.define(statement.variable, statement);
        this.collect(statement.body);
      } else if (statement.op === 'while') this.collect(statement.body);
      else if (statement.op === 'if') {
        this.collect(statement.then);
        this.collect(statement.otherwise);
      }
    }
  }

  private define(local: Local, definition: Definition): void {
    const list = this.definitions.get(local);
    if (list === undefined) this.definitions.set(local, [definition]);
    else list.push(definition);
  }

  private ofLocal(local: Local): Range {
    const known = this.known.get(local);
    if (known !== undefined) return known;
    // Seen again while it is being worked out, it is unknown.
    this.known.set(local, anything);
    let result: Range = { low: Infinity, high: -Infinity };
    for (const definition of this.definitions.get(local) ?? []) {
      const range =
        'value' in definition
          ? this.ofExpr(definition.value)
          : { low: this.ofExpr(definition.begin).low, high: this.ofExpr(definition.end).high - 1 };
      result = union(result, range);
    }
    if (result.low > result.high) result = anything;
    this.known.set(local, result);
    return result;
  }

  /** Bounds of the terms of an index, without its offset. Unknown where there are dynamic parts of unknown bounds. */
  ofTerms(index: Index): Range {
    let low = 0;
    let high = 0;
    for (const { local, coefficient } of index.terms) {
      const range = this.ofLocal(local);
      low += coefficient * (coefficient > 0 ? range.low : range.high);
      high += coefficient * (coefficient > 0 ? range.high : range.low);
    }
    for (const part of index.dynamic) {
      const range = this.ofExpr(part);
      low += range.low;
      high += range.high;
    }
    return wrapSafe({ low, high });
  }

  private ofExpr(x: Expr): Range {
    if (x.type.scalar !== 'i32' || x.type.lanes !== 1) return anything;
    switch (x.op) {
      case 'const':
        return { low: x.value, high: x.value };
      case 'local':
        return this.ofLocal(x.local);
      case 'index': {
        const { low, high } = this.ofTerms(x.index);
        return wrapSafe({ low: low + x.index.offset, high: high + x.index.offset });
      }
      case 'select':
      case 'choose':
        return union(this.ofExpr(x.a), this.ofExpr(x.b));
      case 'binary':
        return wrapSafe(this.ofBinary(x));
      default:
        return anything;
    }
  }

  private ofBinary(x: Expr & { op: 'binary' }): Range {
    const a = this.ofExpr(x.a);
    const b = this.ofExpr(x.b);
    switch (x.kind) {
      case 'add':
        return { low: a.low + b.low, high: a.high + b.high };
      case 'sub':
        return { low: a.low - b.high, high: a.high - b.low };
      case 'min':
        return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) };
      case 'max':
        return { low: Math.max(a.low, b.low), high: Math.max(a.high, b.high) };
      case 'mul':
        return a.low >= 0 && b.low >= 0 ? { low: a.low * b.low, high: times(a.high, b.high) } : anything;
      // The quotient may be 0 for a divisor of 0, the remainder may be 0 in any case.
      case 'div':
        return a.low >= 0 && b.low >= 0 ? { low: 0, high: a.high } : anything;
      case 'rem':
        return a.low >= 0 && b.low >= 0 ? { low: 0, high: Math.min(a.high, b.high) } : anything;
      case 'and':
        return a.low >= 0 || b.low >= 0 ? { low: 0, high: 2 ** 31 - 1 } : anything;
      default:
        return anything;
    }
  }
}

const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

const union = (a: Range, b: Range): Range => ({
  low: Math.min(a.low, b.low),
  high: Math.max(a.high, b.high),
});

/**
 * Arithmetic wraps at 32 bits: where a finite bound lies outside, or might have, nothing is known. An infinite upper bound
 * is a missing one: element indices of real buffers do not wrap, so the lower bound of a sum still holds.
 */
function wrapSafe(range: Range): Range {
  const outside = (x: number): boolean => Number.isNaN(x) || (Number.isFinite(x) && Math.abs(x) >= 2 ** 31);
  return outside(range.low) || outside(range.high) ? anything : range;
}
