import { instantiate } from '../graph/body.ts';
import { input, make, parts } from '../graph/build.ts';
import { attributeKey } from '../graph/key.ts';
import { isOp, isTuple, type Node, topological } from '../graph/node.ts';
import type { Op } from '../graph/vocabulary.ts';

/**
 * A graph with control flow made ready to run: rules of derivatives have done their work and go, equal nodes are one, and loops that take the
 * same steps become one loop. Reverse mode relies on that: it asks for a loop that leaves more behind than the one whose results
 * are already in use.
 */
export function prepareControl(given: readonly Node[], isInput: (node: Node) => boolean): Node[] {
  return mergeScans(shareEqual(given, isInput), isInput);
}

/** Equal nodes become one; `custom` and `checkpoint` are the results that they carry. */
function shareEqual(roots: readonly Node[], isInput: (node: Node) => boolean): Node[] {
  const same = new Map<Node, Node>();
  const known = new Map<string, Node>();
  for (const node of topological(roots, isInput)) {
    if (isInput(node)) {
      same.set(node, node);
      continue;
    }
    const [first] = node.inputs;
    if (isOp(node, 'part') && (first.op === 'custom' || first.op === 'checkpoint')) {
      same.set(node, same.get(first.inputs[node.attributes.index])!);
      continue;
    }
    if (node.op === 'alias' || node.op === 'stopGradient') {
      same.set(node, same.get(first)!);
      continue;
    }
    const inputs = node.inputs.map((i) => same.get(i)!);
    const key = `${node.op}|${node.dtype}|${node.shape}|${attributeKey(node)}|${inputs.map((i) => i.id)}`;
    let made = known.get(key);
    if (made === undefined) {
      const isSame = inputs.every((x, i) => x === node.inputs[i]) && node.stored === null;
      made = isSame ? node : make(node.op as Op, node.attributes as never, inputs, node);
      known.set(key, made);
    }
    same.set(node, made);
  }
  return roots.map((root) => same.get(root)!);
}

/** A loop that several scans of a graph share, and which of their outputs it must leave behind. */
interface Family {
  readonly scans: Node<'scan'>[];
  /** Positions of the outputs that are read, of each scan. */
  readonly read: Set<number>[];
  merged: Node[] | null;
  /** For each scan where its outputs are among the merged ones. */
  places: Map<number, number>[];
}

function mergeScans(roots: readonly Node[], isInput: (node: Node) => boolean): Node[] {
  const order = topological(roots, isInput);
  const families = new Map<string, Family>();
  const familyOf = new Map<Node, { family: Family; index: number }>();
  const numbering = new Map<string, number>();
  for (const node of order) {
    if (isInput(node)) continue;
    if (isOp(node, 'scan')) {
      const key = loopKey(node, numbering);
      const family = families.get(key) ?? { scans: [], read: [], merged: null, places: [] };
      families.set(key, family);
      familyOf.set(node, { family, index: family.scans.length });
      family.scans.push(node);
      family.read.push(new Set());
    } else if (isOp(node, 'part')) {
      const member = familyOf.get(node.inputs[0]);
      member?.family.read[member.index].add(node.attributes.index);
    }
  }
  const replaced = new Map<Node, Node>();
  for (const node of order) {
    if (isInput(node)) {
      replaced.set(node, node);
      continue;
    }
    const inputs = node.inputs.map((i) => replaced.get(i) ?? i);
    const member = isOp(node, 'part') ? familyOf.get(node.inputs[0]) : undefined;
    if (member !== undefined) {
      const { family, index } = member;
      replaced.set(node, family.merged![family.places[index].get((node as Node<'part'>).attributes.index)!]);
    } else if (isOp(node, 'scan')) {
      const { family } = familyOf.get(node)!;
      if (family.merged === null) buildLoop(family, (x) => replaced.get(x) ?? x);
    } else {
      const isSame = inputs.every((x, i) => x === node.inputs[i]);
      replaced.set(node, isSame ? node : make(node.op as Op, node.attributes as never, inputs, node));
    }
  }
  return roots.map((root) => replaced.get(root)!);
}

/** What the inputs of a scan's body stand for, as texts that are equal for equal things. */
function bindings(scan: Node<'scan'>): string[] {
  const { constants, carries } = scan.attributes;
  return scan.inputs.map((x, i) =>
    i < constants ? `c${x.id}` : i < constants + carries ? `k${i - constants}` : `x${x.id}`,
  );
}

/** Numbers for the outputs of a scan's body: equal for equal computations of equal things, in whichever scan. */
function outputNumbers(scan: Node<'scan'>, numbering: Map<string, number>): number[] {
  const { body } = scan.attributes;
  const bound = bindings(scan);
  const numbers = new Map<Node, number>();
  const numberOf = (key: string): number => {
    const known = numbering.get(key);
    if (known !== undefined) return known;
    numbering.set(key, numbering.size);
    return numbering.size - 1;
  };
  body.inputs.forEach((x, i) => {
    numbers.set(x, numberOf(bound[i]));
  });
  for (const node of topological(body.outputs, (x) => numbers.has(x))) {
    if (numbers.has(node)) continue;
    const what = node.op === 'alias' || node.op === 'stopGradient' ? null : node;
    numbers.set(
      node,
      what === null
        ? numbers.get(node.inputs[0])!
        : numberOf(
            `${node.op}|${node.dtype}|${node.shape}|${attributeKey(node)}|${node.inputs.map((i) => numbers.get(i))}`,
          ),
    );
  }
  return body.outputs.map((x) => numbers.get(x)!);
}

/** Equal for scans whose carries go through the same steps. */
function loopKey(scan: Node<'scan'>, numbering: Map<string, number>): string {
  const { constants, carries, length, reverse } = scan.attributes;
  const inputs = [...new Set(scan.inputs.map((x) => x.id))].sort((a, b) => a - b);
  const initial = scan.inputs.slice(constants, constants + carries).map((x) => x.id);
  const steps = outputNumbers(scan, numbering).slice(0, carries);
  return `${length}|${reverse}|${inputs}|${initial}|${steps}|${scan.inputs.length > 0 ? '' : scan.id}`;
}

function buildLoop(family: Family, replaced: (node: Node) => Node): void {
  const { scans, read } = family;
  const [base] = scans;
  const { carries, length, reverse, recompute } = base.attributes;
  const fresh = new Map<string, { node: Node; outer: Node }>();
  const givenOf = scans.map((scan) =>
    bindings(scan).map((name, i) => {
      let entry = fresh.get(name);
      if (entry === undefined) {
        const { shape, dtype } = scan.attributes.body.inputs[i];
        fresh.set(name, (entry = { node: input(shape, dtype), outer: replaced(scan.inputs[i]) }));
      }
      return entry.node;
    }),
  );
  const outputs: Node[] = [];
  const results: { shape: readonly number[]; dtype: Node['dtype'] }[] = [];
  const placeOf = new Map<number, number>();
  const numbering = new Map<string, number>();
  family.places = scans.map((scan, s) => {
    const { body } = scan.attributes;
    const out = instantiate(body, givenOf[s]);
    const numbers = outputNumbers(scan, numbering);
    const places = new Map<number, number>();
    out.forEach((x, i) => {
      if (i < carries) {
        if (s === 0) {
          outputs.push(x);
          results.push(scan.attributes.results[i]);
        }
        places.set(i, i);
        return;
      }
      if (!read[s].has(i)) return;
      let place = placeOf.get(numbers[i]);
      if (place === undefined) {
        placeOf.set(numbers[i], (place = outputs.length));
        outputs.push(x);
        results.push(scan.attributes.results[i]);
      }
      places.set(i, place);
    });
    return places;
  });
  const of = (kind: string) => [...fresh].filter(([name]) => name[0] === kind).map(([, entry]) => entry);
  const ordered = [...of('c'), ...Array.from({ length: carries }, (_, i) => fresh.get(`k${i}`)!), ...of('x')];
  family.merged = parts(
    'scan',
    {
      results,
      body: { inputs: ordered.map((entry) => entry.node), outputs },
      constants: of('c').length,
      carries,
      length,
      reverse,
      recompute,
    },
    ordered.map((entry) => entry.outer),
  );
}

/** Whether a graph has operations that no straight-line program can do. */
export const hasControl = (roots: readonly Node[], isInput: (node: Node) => boolean): boolean =>
  topological(roots, isInput).some((node) => !isInput(node) && isTuple(node));
