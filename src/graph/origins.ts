import type { Node } from './node.ts';
import { operationName } from './operation_name.ts';

/**
 * Where in the user's code the nodes of graphs were made. Off unless asked for: looking at the stack costs some
 * ten times what a node costs. Recording is a matter of the whole process.
 */
const origins = new WeakMap<Node, string>();

const fromEnvironment = (): boolean =>
  typeof process !== 'undefined' && /\b(origins|numerics)\b/.test(process.env?.NABLA_DEBUG ?? '');

/** Whether nodes remember their origins now. */
export let recording = fromEnvironment();

/** Switches recording on or off and returns what it was before. */
export function recordOrigins(on: boolean): boolean {
  const before = recording;
  recording = on;
  return before;
}

/** While a transform builds what belongs to an operation: the origin of that. */
let derived: string | null = null;

/** Remembers who made a node. */
export function noteOrigin(node: Node): void {
  const origin = derived ?? callSite();
  if (origin !== null) origins.set(node, origin);
}

/** The line of the user's code that made a node, `file:line:column`; null where it was not recorded. */
export const originOf = (node: Node): string | null => origins.get(node) ?? null;

/** ` (made at file:line:column)` or nothing: what messages say about a node. */
export function madeAt(node: Node): string {
  const origin = originOf(node);
  return origin === null ? '' : ` (made at ${origin})`;
}

/** A node that replaces another was made where that was. */
export function inheritOrigin(node: Node, from: Node): void {
  const origin = recording ? originOf(from) : null;
  if (origin !== null && node !== from) origins.set(node, origin);
}

/** What is made by `rule` is part of a derivative of `node`: it belongs to the line that made the node, and so do errors. */
export const derivedFrom = <T>(node: Node, rule: () => T): T =>
  recording ? madeFor(node, ` (in the derivative of ${operationName(node)})`, rule) : rule();

/** The same for what stands for `node` under vmap. */
export const batchedFrom = <T>(node: Node, rule: () => T): T =>
  recording ? madeFor(node, ` (${operationName(node)} under vmap)`, rule) : rule();

function madeFor<T>(node: Node, note: string, rule: () => T): T {
  const outer = derived;
  const own = originOf(node);
  // The innermost of nested transforms says enough.
  if (own !== null) derived = own.endsWith(')') ? own : own + note;
  try {
    return rule();
  } catch (error) {
    if (derived !== null && error instanceof Error && !error.message.endsWith(derived))
      error.message += `; made at ${derived}`;
    throw error;
  } finally {
    derived = outer;
  }
}

/** Where this module lies, less its name: files below are the library's own. Null if it is part of a bundle. */
const root = /graph\/origins\.[jt]s/.test(import.meta.url)
  ? plain(import.meta.url.replace(/graph\/origins\.[jt]s.*$/, ''))
  : null;

function plain(url: string): string {
  const path = url.replace(/^file:\/\//, '');
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** Frames looked at: a layer in a model in a transform in a loop is deep. */
const mostFrames = 100;

/** The first line of the stack that is not the library's. */
function callSite(): string | null {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = mostFrames;
  const { stack } = new Error();
  Error.stackTraceLimit = before;
  for (const line of (stack ?? '').split('\n')) {
    // V8 writes `at name (place:1:2)` or `at place:1:2`, other engines `name@place:1:2`.
    const found = /^\s*at (?:.* \()?(.+?:\d+:\d+)\)?$/.exec(line) ?? /^[^@]*@(.+:\d+:\d+)$/.exec(line);
    if (found === null) continue;
    const place = plain(found[1].replace(/^async /, ''));
    if (/^(node:|<|native)/.test(place) || (root !== null && place.startsWith(root))) continue;
    return place;
  }
  return null;
}
