import type { TypedArray } from '../graph/dtype.ts';
import { Node } from '../graph/node.ts';
import { storageOf } from './evaluate.ts';
import { formatArray } from './print.ts';
import { currentTracer } from './trace.ts';

/**
 * Prints a line: each `{}` of the format stands for the next value, the values left over follow. Where jit records, the line is
 * printed at each run of the program, else now.
 */
export function printValues(format: string, values: readonly (Node | string)[]): void {
  const nodes = values.filter((value) => value instanceof Node);
  const show = (data: readonly TypedArray[]): void => {
    let used = 0;
    const texts = values.map((value) => (typeof value === 'string' ? value : valueText(value, data[used++])));
    console.log(filled(format, texts));
  };
  const tracer = currentTracer();
  if (tracer === null) show(nodes.map((node) => storageOf(node).read()));
  else tracer.effect({ nodes, run: show });
}

/** Scalars as plain numbers. */
function valueText(node: Node, data: TypedArray): string {
  const text = formatArray(data, node.shape, node.dtype);
  return node.shape.length > 0 ? text : text.replace(/^tensor\(([^,)]*).*/, '$1');
}

function filled(format: string, texts: readonly string[]): string {
  let used = 0;
  const line = format.replaceAll('{}', () => texts[used++] ?? '{}');
  return [line, ...texts.slice(used)].join(' ');
}
