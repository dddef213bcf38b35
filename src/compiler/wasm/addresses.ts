import type { Buffer, Expr, Index, KernelFunction, Local, Statement } from '../ir.ts';
import { type Access, visitAccesses, visitExpr } from '../ir_visit.ts';
import { Ranges } from './ranges.ts';

/**
 * Where loads and stores find their operands. Before a loop is written, every access in its body gets a pointer local that
 * holds whatever is invariant in the loop plus the loop variable's own contribution, advanced at the end of each round.
 * Accesses that differ by a constant share one, so in an innermost loop an access costs no arithmetic at all.
 */

type Loop = Statement & { op: 'for' | 'while' };

/** Bytes: `root + sum of scale * local + size * sum of dynamic + pending`, and `offset` of the instruction itself. */
export interface Address {
  /** A wasm local that holds an address. */
  readonly root: number;
  readonly terms: readonly { readonly local: Local; readonly scale: number }[];
  readonly dynamic: readonly Expr[];
  readonly size: number;
  /** Must be added to the pointer, as the sum without it may be negative: instructions' offsets do not wrap. */
  readonly pending: number;
  readonly offset: number;
  /** Its constant may be split between pointer and instruction where another access proves the pointer to be valid. */
  readonly flexible: boolean;
}

/** What the planner needs of the function that is being written. */
export interface PointerWriter {
  allocatePointer(): number;
  releasePointer(pointer: number): void;
  /** Evaluates root + terms + pending and keeps it in `pointer`. */
  setPointer(pointer: number, root: number, terms: Address['terms'], constant: number): void;
}

/** A loop's pointers: what to add to each after a round, and how to go back to the addresses outside. */
export interface LoopPointers {
  readonly advance: readonly { readonly pointer: number; readonly bytes: number }[];
  readonly leave: () => void;
}

export const bytesOf = (buffer: Buffer): number =>
  buffer.scalar === 'f64' ? 8 : buffer.scalar === 'bool' ? 1 : (buffer.bits ?? 32) / 8;

/**
 * What the buffer's address starts from: the value of argument k is root k, and the arena's base plus `stride` bytes for each
 * thread below the running one is root -stride.
 */
export const rootOf = ({ place }: Buffer): number =>
  place.kind === 'argument' ? place.argument : place.kind === 'thread' ? -place.stride : 0;

/** Whether a statement list needs the value of a local other than as a term of an access' index. */
export function reads(body: readonly Statement[], local: Local): boolean {
  const inside = (x: Expr): boolean => {
    let found = false;
    visitExpr(x, (part) => {
      if (part.op === 'local') found ||= part.local === local;
      else if (part.op === 'index') found ||= part.index.terms.some((term) => term.local === local);
    });
    return found;
  };
  const needs = (statement: Statement): boolean => {
    switch (statement.op) {
      case 'set':
        return inside(statement.value);
      case 'store':
        return inside(statement.value) || statement.index.dynamic.some(inside);
      case 'for':
        return inside(statement.begin) || inside(statement.end) || reads(statement.body, local);
      case 'while':
        return inside(statement.condition) || reads(statement.body, local);
      case 'if':
        return (
          inside(statement.condition) || reads(statement.then, local) || reads(statement.otherwise, local)
        );
      case 'comment':
        return false;
    }
  };
  return body.some(needs);
}

/** The roots (`rootOf`) that a function's accesses start from. */
export function rootsUsed(body: readonly Statement[]): Set<number> {
  const used = new Set<number>();
  visitAccesses(body, (access) => used.add(rootOf(access.buffer)), false);
  return used;
}

/** Locals that a statement list assigns, loop variables included. */
function assignedIn(body: readonly Statement[], into = new Set<Local>()): Set<Local> {
  for (const statement of body) {
    if (statement.op === 'set') into.add(statement.local);
    else if (statement.op === 'for') {
      into.add(statement.variable);
      assignedIn(statement.body, into);
    } else if (statement.op === 'while') assignedIn(statement.body, into);
    else if (statement.op === 'if') {
      assignedIn(statement.then, into);
      assignedIn(statement.otherwise, into);
    }
  }
  return into;
}

export class AddressPlanner {
  private readonly current = new Map<Access, Address>();
  private readonly assigned = new Map<Loop, Set<Local>>();
  private readonly ranges: Ranges;
  private readonly bases: ReadonlyMap<number, number>;
  private readonly writer: PointerWriter;
  private readonly numbers = new Map<Local, number>();

  /** `bases` are the wasm locals with the address of each root that the function uses. */
  constructor(
    { body, chunks }: Pick<KernelFunction, 'body' | 'chunks'>,
    bases: ReadonlyMap<number, number>,
    writer: PointerWriter,
  ) {
    this.ranges = new Ranges(body, chunks);
    this.bases = bases;
    this.writer = writer;
  }

  /** The address of an access as seen from the loops that have been entered. */
  of(access: Access): Address {
    return this.current.get(access) ?? this.initial(access.buffer, access.index);
  }

  /** Locals that a loop assigns, its own variable and those of loops inside included. */
  assignedBy(loop: Loop): Set<Local> {
    let assigned = this.assigned.get(loop);
    if (assigned === undefined) {
      assigned = assignedIn(loop.body);
      if (loop.op === 'for') assigned.add(loop.variable);
      this.assigned.set(loop, assigned);
    }
    return assigned;
  }

  private initial(buffer: Buffer, written: Index): Address {
    const index = flatten(written);
    const size = bytesOf(buffer);
    const base = buffer.place.kind === 'argument' ? 0 : buffer.place.offset;
    const { low } = this.ranges.ofTerms(index);
    // Terms that may go down to `low` need as much of the constant in the pointer; the rest is safe in the instruction.
    const needed = Math.max(0, -low);
    const flexible = index.offset < needed;
    const pending = flexible ? index.offset : needed;
    return {
      root: this.bases.get(rootOf(buffer))!,
      terms: index.terms
        .map(({ local, coefficient }) => ({ local, scale: coefficient * size }))
        .sort((a, b) => this.number(a.local) - this.number(b.local)),
      dynamic: index.dynamic,
      size,
      pending: pending * size,
      offset: base + (index.offset - pending) * size,
      flexible,
    };
  }

  /** Plans the pointers of a loop and writes their initial values; the loop's variable holds its first value already. */
  enter(loop: Loop): LoopPointers {
    const assigned = this.assignedBy(loop);
    const variable = loop.op === 'for' ? loop.variable : null;
    const step = loop.op === 'for' ? loop.step : 0;
    const groups = new Map<string, Group>();
    const before = new Map<Access, Address | undefined>();
    const visit = (access: Access, conditional: boolean): void => {
      if (before.has(access)) return;
      before.set(access, this.current.get(access));
      const address = this.of(access);
      const kept = address.terms.filter(({ local }) => local !== variable && assigned.has(local));
      const taken = address.terms.filter(({ local }) => local === variable || !assigned.has(local));
      const complete = kept.length === 0 && address.dynamic.length === 0;
      if (taken.length === 0 && (!complete || address.pending === 0)) return;
      const key = `${address.root}${taken.map(({ local, scale }) => `+${this.number(local)}*${scale}`).join('')}`;
      let group = groups.get(key);
      if (group === undefined) groups.set(key, (group = { root: address.root, taken, members: [] }));
      group.members.push({ access, address, kept, complete, conditional });
    };
    if (loop.op === 'while') {
      visitExpr(loop.condition, (part, guarded) => part.op === 'load' && visit(part, guarded));
    }
    // The condition of a while loop is evaluated once more than its body, so the body proves nothing about it.
    visitAccesses(loop.body, visit, loop.op === 'while');

    const pointers: number[] = [];
    const advance: { pointer: number; bytes: number }[] = [];
    for (const { root, taken, members } of groups.values()) {
      const rate = step * (taken.find(({ local }) => local === variable)?.scale ?? 0);
      const made = new Map<number, number>();
      const pointerFor = (constant: number): number => {
        let pointer = made.get(constant);
        if (pointer === undefined) {
          pointer = this.writer.allocatePointer();
          made.set(constant, pointer);
          pointers.push(pointer);
          this.writer.setPointer(pointer, root, taken, constant);
          if (rate !== 0) advance.push({ pointer, bytes: rate });
        }
        return pointer;
      };
      // The least flexible access that each round executes proves its pointer valid for the ones above it.
      let floor = Infinity;
      for (const { address, complete, conditional } of members) {
        if (complete && address.flexible && !conditional) floor = Math.min(floor, address.pending);
      }
      for (const { access, address, kept, complete } of members) {
        if (!complete) {
          this.current.set(access, { ...address, root: pointerFor(0), terms: kept });
          continue;
        }
        const constant = address.flexible && address.pending > floor ? floor : address.pending;
        this.current.set(access, {
          ...address,
          root: pointerFor(constant),
          terms: kept,
          pending: 0,
          offset: address.offset + address.pending - constant,
          flexible: false,
        });
      }
    }
    return {
      advance,
      leave: () => {
        for (const [access, address] of before) {
          if (address === undefined) this.current.delete(access);
          else this.current.set(access, address);
        }
        for (const pointer of pointers) this.writer.releasePointer(pointer);
      },
    };
  }

  private number(local: Local): number {
    let number = this.numbers.get(local);
    if (number === undefined) this.numbers.set(local, (number = this.numbers.size));
    return number;
  }
}

interface Group {
  readonly root: number;
  readonly taken: Address['terms'];
  readonly members: {
    readonly access: Access;
    readonly address: Address;
    readonly kept: Address['terms'];
    readonly complete: boolean;
    readonly conditional: boolean;
  }[];
}

/** Merges equal locals, orders terms and takes apart dynamic parts that are affine, however the index was made. */
function flatten(index: Index): Index {
  let offset = 0;
  const sum = new Map<Local, number>();
  const dynamic: Expr[] = [];
  const add = (part: Index): void => {
    offset += part.offset;
    for (const { local, coefficient } of part.terms) sum.set(local, (sum.get(local) ?? 0) + coefficient);
    for (const x of part.dynamic) {
      if (x.op === 'const') offset += x.value;
      else if (x.op === 'local') sum.set(x.local, (sum.get(x.local) ?? 0) + 1);
      else if (x.op === 'index') add(x.index);
      else dynamic.push(x);
    }
  };
  add(index);
  const terms = [...sum].filter(([, c]) => c !== 0).map(([local, coefficient]) => ({ local, coefficient }));
  return { offset, terms, dynamic };
}
