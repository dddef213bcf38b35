import type { TypedArray } from '../graph/dtype.ts';
import { hostNumbers } from '../graph/half.ts';
import { Node } from '../graph/node.ts';
import { storageOf } from './evaluate.ts';
import { formatArray } from './print.ts';
import { currentTracer, type Tracer } from './trace.ts';

type Values = readonly (Node | string)[];

interface Line {
  readonly format: string;
  readonly values: Values;
}

/** Lines that wait, and the trace in which they were printed. */
let waiting: { readonly lines: Line[]; readonly tracer: Tracer | null } | null = null;

/** Runs `body`; the lines that it prints are printed after it, of the nodes that `replace` gives for theirs. */
export function printingAfter<T>(body: () => T, replace: (nodes: readonly Node[]) => readonly Node[]): T {
  const outer = waiting;
  const lines: Line[] = [];
  waiting = { lines, tracer: currentTracer() };
  let result: T;
  try {
    result = body();
  } finally {
    waiting = outer;
  }
  for (const { format, values } of lines) {
    const nodes = replace(values.filter((value) => value instanceof Node));
    let used = 0;
    printValues(
      format,
      values.map((value) => (typeof value === 'string' ? value : nodes[used++])),
    );
  }
  return result;
}

/**
 * Prints a line: each `{}` of the format stands for the next value, the values left over follow. Where jit records, the line is
 * printed at each run of the program, else now.
 */
export function printValues(format: string, values: Values): void {
  const tracer = currentTracer();
  if (waiting !== null && waiting.tracer === tracer) {
    waiting.lines.push({ format, values });
    return;
  }
  const nodes = values.filter((value) => value instanceof Node);
  const show = (data: readonly TypedArray[]): void => {
    let used = 0;
    const texts = values.map((value) => (typeof value === 'string' ? value : valueText(value, data[used++])));
    console.log(filled(format, texts));
  };
  if (tracer === null) show(nodes.map((node) => storageOf(node).read()));
  else tracer.effect({ nodes, run: show });
}

/** Scalars as plain numbers. */
function valueText(node: Node, data: TypedArray): string {
  const text = formatArray(hostNumbers(node.dtype, data), node.shape, node.dtype);
  return node.shape.length > 0 ? text : text.replace(/^tensor\(([^,)]*).*/, '$1');
}

function filled(format: string, texts: readonly string[]): string {
  let used = 0;
  const line = format.replaceAll('{}', () => texts[used++] ?? '{}');
  return [line, ...texts.slice(used)].join(' ');
}
