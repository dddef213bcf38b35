import { isFloat, type TypedArray } from '../graph/dtype.ts';
import { hostNumbers } from '../graph/half.ts';
import { isOp, isTuple, type Node, type Shape, typeText } from '../graph/node.ts';
import { operationName } from '../graph/operation_name.ts';
import { originOf, recordOrigins } from '../graph/origins.ts';
import type { Storage } from '../runtime/storage.ts';

/**
 * The search for the operation that first made a NaN or an infinity: programs return every float value on the way to their results,
 * and those are looked at in the order in which the graph was built.
 */

/** A computed value is not finite; the message names the operation that made it. */
export class NumericsError extends Error {
  override name = 'NumericsError';
}

/** Options of `checkNumerics`. */
export interface NumericsOptions {
  /** Whether infinities count as well as NaN. Default true. */
  infinities?: boolean;
}

const fromEnvironment = (): boolean =>
  typeof process !== 'undefined' && /\bnumerics\b/.test(process.env?.NABLA_DEBUG ?? '');

let mode: Required<NumericsOptions> | null = fromEnvironment() ? { infinities: true } : null;

export const isCheckingNumerics = (): boolean => mode !== null;

/** Switches checking on or off for everything that is computed from now on. Returns a function that goes back. */
export function setNumerics(options: NumericsOptions | null): () => void {
  const before = mode;
  mode = options === null ? null : { infinities: options.infinities ?? true };
  const wasRecording = options === null ? null : recordOrigins(true);
  return () => {
    mode = before;
    if (wasRecording !== null) recordOrigins(wasRecording);
  };
}

/** Of the nodes of a program, inputs before users, those whose values are to be looked at. */
export const checkable = (nodes: readonly Node[], isGiven: (node: Node) => boolean): Node[] =>
  nodes.filter((node) => !isGiven(node) && !isTuple(node) && !isFixed(node) && isFloat(node.dtype));

/** Values that are written in the graph itself. */
const isFixed = (node: Node): boolean =>
  isOp(node, 'constant') || isOp(node, 'literal') || isOp(node, 'iota');

/** A run of a program that also returned what is to be checked. */
interface Checked {
  /** The program's inputs. */
  readonly given: ReadonlyMap<Node, Storage>;
  readonly outputs: readonly Node[];
  readonly checked: readonly Node[];
  /** Values of the outputs, then of the checked nodes. */
  readonly results: readonly Storage[];
  /** What an input is, for messages. */
  readonly nameOf?: (node: Node) => string | null;
}

/**
 * The values of the outputs, if nothing is wrong with any value.
 *
 * @throws NumericsError naming the first operation that made a NaN or an infinity from operands without
 */
export function afterCheck({ given, outputs, checked, results, nameOf }: Checked): Storage[] {
  const kept = results.slice(0, outputs.length);
  const values = new Map<Node, TypedArray>();
  for (const [node, storage] of given) values.set(node, hostNumbers(node.dtype, storage.read()));
  checked.forEach((node, i) => {
    values.set(node, hostNumbers(node.dtype, results[outputs.length + i].read()));
  });
  const inUse = new Set([...kept, ...given.values()]);
  for (const extra of results.slice(outputs.length))
    if (!inUse.has(extra)) {
      inUse.add(extra);
      extra.release();
    }
  const problem = findProblem(values, checked) ?? findSource(values, outputs, checked, nameOf);
  if (problem === null) return kept;
  const sources = new Set(given.values());
  for (const storage of kept) if (!sources.has(storage)) storage.release();
  throw new NumericsError(problem);
}

/** First positions of what is not finite in a value, -1 where there is none. */
interface Flaws {
  readonly nan: number;
  readonly infinite: number;
}

const sound: Flaws = { nan: -1, infinite: -1 };

function flawsIn(data: TypedArray): Flaws {
  let [nan, infinite] = [-1, -1];
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (value - value === 0) continue;
    if (Number.isNaN(value)) {
      if (nan < 0) nan = i;
    } else if (infinite < 0) infinite = i;
  }
  return { nan, infinite };
}

function flawReader(values: ReadonlyMap<Node, TypedArray>): (node: Node) => Flaws {
  const known = new Map<Node, Flaws>();
  return (node) => {
    if (!isFloat(node.dtype)) return sound;
    let flaws = known.get(node);
    if (flaws === undefined) {
      const data =
        values.get(node) ??
        (isOp(node, 'constant')
          ? new Float64Array([node.attributes.value])
          : isOp(node, 'literal')
            ? hostNumbers(node.dtype, node.attributes.data)
            : null);
      known.set(node, (flaws = data === null ? sound : flawsIn(data)));
    }
    return flaws;
  };
}

/** What made a value that is not finite, of operands that did not have it; null if nothing did. */
function findProblem(values: ReadonlyMap<Node, TypedArray>, checked: readonly Node[]): string | null {
  const flaws = flawReader(values);
  for (const node of checked) {
    // Padding with an infinity is meant.
    if (node.op === 'pad') continue;
    const { nan, infinite } = flaws(node);
    if (nan < 0 && infinite < 0) continue;
    const operands = operandsOf(node);
    const below = operands.map(flaws);
    const madeNaN = nan >= 0 && below.every((f) => f.nan < 0);
    const madeInfinity = infinite >= 0 && below.every((f) => f.nan < 0 && f.infinite < 0);
    if (madeNaN) return report(node, operands, nan, values);
    if (madeInfinity && mode?.infinities !== false) return report(node, operands, infinite, values);
  }
  return null;
}

/** The operation to blame for one of several results is the one that has them. */
const operandsOf = (node: Node): readonly Node[] =>
  isOp(node, 'part') ? node.inputs[0].inputs : node.inputs;

function report(
  node: Node,
  operands: readonly Node[],
  position: number,
  values: ReadonlyMap<Node, TypedArray>,
): string {
  const data = values.get(node)!;
  let bad = 0;
  for (const value of data) if (!Number.isFinite(value)) bad++;
  const name = operationName(isOp(node, 'part') ? node.inputs[0] : node);
  const types = operands.map((o) => typeText(o.dtype, o.shape)).join(', ');
  const at = operands.map((o) => valueAt(o, node, position, values));
  const given = at.every((text) => text !== null) && at.length > 0 ? ` from ${at.join(' and ')}` : '';
  const origin = originOf(node);
  return (
    `checkNumerics: ${name} made ${data[position]} at ${indexText(position, node.shape)}${given}: ` +
    `${name}(${types}) -> ${typeText(node.dtype, node.shape)}, ${bad} of ${data.length} elements are not finite. ` +
    (origin === null
      ? 'Make the graph with debug({ origins: true }), or run with NABLA_DEBUG=origins, to see the line of code.'
      : `Made at ${origin}.`)
  );
}

/** The element of an operand of an elementwise operation. */
function valueAt(
  operand: Node,
  node: Node,
  position: number,
  values: ReadonlyMap<Node, TypedArray>,
): string | null {
  if (!['unary', 'binary', 'cast'].includes(node.op)) return null;
  if (isOp(operand, 'constant')) return String(operand.attributes.value);
  const data = values.get(operand);
  return data === undefined ? null : String(data[position]);
}

function indexText(position: number, shape: Shape): string {
  const index: number[] = [];
  let rest = position;
  for (const extent of [...shape].reverse()) {
    index.unshift(rest % extent);
    rest = Math.floor(rest / extent);
  }
  return `[${index.join(', ')}]`;
}

/** No operation is to blame, but a result has a NaN: it came in. */
function findSource(
  values: ReadonlyMap<Node, TypedArray>,
  outputs: readonly Node[],
  checked: readonly Node[],
  nameOf: (node: Node) => string | null = () => null,
): string | null {
  const flaws = flawReader(values);
  if (!outputs.some((node) => flaws(node).nan >= 0)) return null;
  const own = new Set(checked);
  for (const [node] of values) {
    const { nan } = flaws(node);
    if (own.has(node) || nan < 0) continue;
    const origin = originOf(node);
    return (
      `checkNumerics: ${nameOf(node) ?? 'an array that was computed before'}, ${typeText(node.dtype, node.shape)}, ` +
      `has NaN at ${indexText(nan, node.shape)}; no operation here made it.${origin === null ? '' : ` Made at ${origin}.`}`
    );
  }
  return null;
}
