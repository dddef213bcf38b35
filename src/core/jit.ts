import * as g from '../graph/build.ts';
import { type Node, topological } from '../graph/node.ts';
import { compile } from '../runtime/evaluate.ts';
import type { Program } from '../runtime/program.ts';
import type { Storage } from '../runtime/storage.ts';
import { hold, realize, replace, retain, storageOf } from './evaluate.ts';
import { afterCheck, checkable, isCheckingNumerics } from './numerics.ts';
import { checkFunction } from './options.ts';
import { manyTraces, type Specialization, warnOfRetracing } from './retracing.ts';
import { Tensor } from './tensor.ts';
import { type Cell, type Effect, isTracing, tracing } from './trace.ts';
import { flatten } from './tree.ts';

// biome-ignore lint/suspicious/noExplicitAny: functions of users may take and return any trees
type AnyFunction = (...args: any[]) => any;

/** One compiled specialization of a jitted function. */
interface Trace {
  /** Facts that the trace relied on, with the values they had. */
  readonly guards: { read: () => unknown; value: unknown }[];
  /** Variables whose content goes in, in the order of the program's inputs after the arguments. */
  readonly cells: Cell[];
  readonly captured: Storage[];
  /** The program's inputs: arguments, cells, captured arrays. */
  readonly inputNodes: readonly Node[];
  readonly outputs: readonly Node[];
  /** For each assigned cell its position in `cells`; their new contents are the last outputs. */
  readonly assigned: readonly number[];
  /** What happens at each run; the nodes' values are the outputs after the assigned ones. */
  readonly effects: readonly Effect[];
  /** Nodes whose values are checked for NaN and infinities: the outputs after those of the effects. */
  readonly checked: readonly Node[];
  readonly program: Program;
  readonly rebuild: (leaves: readonly Tensor[]) => unknown;
  readonly results: number;
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;

/** Specializations that one function keeps; beyond it the oldest go. */
const mostTraces = 1024;

/**
 * Compiles a function over trees of arrays. The first call with new shapes, dtypes or static values (numbers, strings,
 * booleans in the arguments) records the function's graph and compiles it as one program; later calls run the program. Variables that
 * the function reads or assigns are carried in and out, updated in place. Under another transform the function is simply
 * part of that transform's graph.
 *
 * The function must be pure but for variables: anything else that it does happens while recording only.
 */
export function jit<F extends AnyFunction>(f: F): F {
  checkFunction('jit', f);
  const traces = new Map<string, Trace[]>();
  let count = 0;
  let latest: Specialization = { types: [], structure: '' };
  const name = f.name || 'function';

  const jitted = (...args: unknown[]): unknown => {
    if (isTracing()) return f(...args);
    const tree = flatten(args, isTensor, 'jit');
    const mode = isCheckingNumerics() ? 'numerics|' : '';
    const types = tree.leaves.map((t) => `${t.dtype}[${t.shape}]`);
    const key = `${mode}${types.join()}|${tree.structure}`;
    const candidates = traces.get(key) ?? [];
    let trace = candidates.find((t) => t.guards.every(({ read, value }) => Object.is(read(), value)));
    if (trace === undefined) {
      trace = record(f, tree.leaves, tree.rebuild);
      if (traces.size >= mostTraces) traces.delete(traces.keys().next().value!);
      traces.set(key, [...candidates.slice(1 - mostTraces), trace]);
      const { structure } = tree;
      if (++count === manyTraces) warnOfRetracing(name, count, latest, { types, structure });
      latest = { types, structure };
    }
    return execute(trace, tree.leaves);
  };
  Object.defineProperty(jitted, 'name', { value: `jit(${name})` });
  return jitted as F;
}

function record(
  f: AnyFunction,
  args: readonly Tensor[],
  rebuild: (leaves: readonly Tensor[]) => unknown,
): Trace {
  const leaves = args.map((t) => new Tensor(g.input(t.shape, t.dtype)));
  const first = leaves[0]?.node.id ?? g.input([], 'float32').id;
  const cells: Cell[] = [];
  const placeholders: Node[] = [];
  const originals: Node[] = [];
  const guards: Trace['guards'] = [];
  const effects: Effect[] = [];
  const tracer = {
    touch: (cell: Cell) => {
      if (cells.includes(cell)) return;
      cells.push(cell);
      originals.push(cell.node);
      const placeholder = g.input(cell.node.shape, cell.node.dtype);
      placeholders.push(placeholder);
      cell.node = placeholder;
    },
    guard: (read: () => unknown) => {
      guards.push({ read, value: read() });
    },
    effect: (effect: Effect) => {
      effects.push(effect);
    },
  };
  let finals: Node[] = [];
  let result: unknown;
  try {
    result = tracing(() => f(...(rebuild(leaves) as unknown[])), tracer);
    finals = cells.map((cell) => cell.node);
  } finally {
    cells.forEach((cell, i) => {
      cell.node = originals[i];
    });
  }
  const out = flatten<Tensor>(result, isTensor, 'jit: the result');
  const assigned = finals.flatMap((node, i) => (node === placeholders[i] ? [] : [i]));
  const shown = effects.flatMap((effect) => effect.nodes);
  const results = [...out.leaves.map((t) => t.node), ...assigned.map((i) => finals[i]), ...shown];

  const known = new Set<Node>([...leaves.map((l) => l.node), ...placeholders]);
  if (topological(originals, (node) => known.has(node)).some((node) => known.has(node)))
    throw new Error(
      'jit: a Variable was made inside of the function from its arguments or from other variables; later calls have no such ' +
        'first content to start from. Make it outside of the function, or from constants.',
    );
  const captured = capture(results, known, first);
  requirePrintable(shown, new Set([...known, ...captured]));
  const inputs = [...leaves.map((l) => l.node), ...placeholders, ...captured];
  const given = new Set(inputs);
  const isGiven = (node: Node) => given.has(node);
  const checked = isCheckingNumerics() ? checkable(topological(results, isGiven), isGiven) : [];
  const outputs = [...results, ...checked];
  // What is checked may turn out wrong: variables keep their contents until then.
  const donors = isCheckingNumerics() ? [] : assigned.map((i) => args.length + i);
  const program = compile({
    inputs,
    outputs,
    donations: outputs.map((_, i) => donors[i - out.leaves.length] ?? -1),
  });
  return {
    guards,
    cells,
    captured: captured.map(storageOf),
    inputNodes: inputs,
    outputs,
    assigned,
    effects,
    checked,
    program,
    rebuild: out.rebuild as Trace['rebuild'],
    results: out.leaves.length,
  };
}

/** What is printed must have a value when the program has run; what vmap hands to its function never has. */
function requirePrintable(shown: readonly Node[], given: ReadonlySet<Node>): void {
  for (const node of topological(shown, (n) => given.has(n) || n.stored !== null))
    if (node.op === 'input' && node.stored === null && !given.has(node))
      throw new Error(
        'debug.print: inside of vmap an array stands for all examples and has no value of its own; print it outside, from the result',
      );
}

/** Arrays from outside of the trace that the function uses: constants of the program, computed once. */
function capture(outputs: readonly Node[], known: ReadonlySet<Node>, first: number): Node[] {
  const outside = (node: Node) => node.stored !== null || (node.id < first && node.op !== 'constant');
  const found = topological(outputs, (node) => known.has(node) || outside(node)).filter(
    (node) => !known.has(node) && outside(node),
  );
  realize(found);
  for (const node of found) retain(node.stored as Storage);
  return found;
}

function execute(trace: Trace, args: readonly Tensor[]): unknown {
  realize([...args.map((t) => t.node), ...trace.cells.map((c) => c.node)]);
  const inputs = [
    ...args.map((t) => t.node.stored as Storage),
    ...trace.cells.map((c) => c.node.stored as Storage),
    ...trace.captured,
  ];
  const outcome = trace.program.run(inputs);
  const results = trace.checked.length === 0 ? outcome : sound(trace, inputs, outcome);
  for (const cell of trace.assigned) replace(trace.cells[cell].node.stored as Storage);
  const own = trace.results + trace.assigned.length;
  const shown = results.slice(own).map((storage) => storage.read());
  const wrapped = results.slice(0, own).map((storage, i) => {
    const node = g.input(trace.outputs[i].shape, trace.outputs[i].dtype);
    hold(node, storage, i >= trace.results);
    return node;
  });
  trace.assigned.forEach((cell, k) => {
    trace.cells[cell].node = wrapped[trace.results + k];
  });
  let used = 0;
  for (const { nodes, run } of trace.effects) run(shown.slice(used, (used += nodes.length)));
  return trace.rebuild(wrapped.slice(0, trace.results).map((node) => new Tensor(node)));
}

/** The program's results without the values that were only to be checked, if those are well. */
function sound(trace: Trace, inputs: readonly Storage[], results: readonly Storage[]): Storage[] {
  const { cells, checked, outputs, inputNodes } = trace;
  const first = inputNodes.length - cells.length - trace.captured.length;
  return afterCheck({
    given: new Map(inputNodes.map((node, i) => [node, inputs[i]])),
    outputs: outputs.slice(0, outputs.length - checked.length),
    checked,
    results,
    nameOf: (node) => {
      const i = inputNodes.indexOf(node);
      const cell = cells[i - first];
      if (i < first) return `array ${i} of the arguments`;
      return cell === undefined ? null : `the content of ${nameOf(cell)}`;
    },
  });
}

const nameOf = (cell: Cell): string => `Variable '${(cell as { readonly name?: string }).name ?? ''}'`;
