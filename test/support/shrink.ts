import { rebuild } from '../../src/graph/body.ts';
import * as g from '../../src/graph/build.ts';
import type { TypedArray } from '../../src/graph/dtype.ts';
import { isTuple, type Node, sameShape, topological } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import type { Program } from './transformed.ts';

/** How many smaller programs are tried at most: each is compiled. */
const mostTries = 400;

/**
 * A smaller program that still fails: fewer roots, nodes replaced by inputs that hold their values or by one of their own operands, for as long
 * as that goes on failing.
 */
export function shrink(program: Program, fails: (program: Program) => boolean): Program {
  let current = program;
  let tries = 0;
  const attempt = (next: Program): boolean => {
    if (tries++ >= mostTries || !fails(next)) return false;
    current = next;
    return true;
  };
  for (const root of program.roots) if (attempt({ ...program, roots: [root] })) break;
  for (let smaller = true; smaller && tries < mostTries; ) {
    smaller = false;
    const values = evaluateReference(current.roots, (node) => current.data.get(node)!);
    for (const node of topological(current.roots).reverse()) {
      if (node.op === 'input' || isTuple(node) || current.roots.includes(node)) continue;
      if (replacements(node, values).some(([by, data]) => attempt(replace(current, node, by, data)))) {
        smaller = true;
        break;
      }
    }
  }
  return current;
}

/** What can stand for a node: its value, or an operand of its type. */
function replacements(node: Node, values: ReadonlyMap<Node, TypedArray>): [Node, TypedArray | null][] {
  const value = g.input(node.shape, node.dtype);
  const operands = node.inputs.filter(
    (x) => !isTuple(x) && x.dtype === node.dtype && sameShape(x.shape, node.shape),
  );
  return [[value, values.get(node)!], ...operands.map((x): [Node, null] => [x, null])];
}

function replace({ roots, data }: Program, node: Node, by: Node, values: TypedArray | null): Program {
  const next = rebuild(roots, new Map([[node, by]]));
  const added: [Node, TypedArray][] = values === null ? [] : [[by, values]];
  const used = new Set(topological(next));
  return { roots: next, data: new Map([...data, ...added].filter(([input]) => used.has(input))) };
}
