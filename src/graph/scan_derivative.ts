import { closureOf, instantiate, rebuild } from './body.ts';
import { add, fill, input, parts } from './build.ts';
import type { Change, Differentiation } from './derivatives.ts';
import { isFloat } from './dtype.ts';
import { type Node, topological } from './node.ts';
import type { TupleDerivative } from './tuple_derivatives.ts';
import type { Op } from './vocabulary.ts';
import { movingCarries, tangentInputs } from './while_derivative.ts';

/** Derivatives of `scan` are scans: forward mode carries tangents along, reverse mode goes back over what the steps left behind. */
export const scanDerivative: TupleDerivative<'scan'> = { tangents, cotangents };

const freshInputs = (nodes: readonly Node[]): Node[] => nodes.map((x) => input(x.shape, x.dtype));
const typeOf = ({ shape, dtype }: Node) => ({ shape, dtype });
const stacked = (length: number, { shape, dtype }: Node) => ({ shape: [length, ...shape], dtype });

function tangents(node: Node<'scan'>, changes: readonly Change[], by: Differentiation): readonly Change[] {
  const { body, constants, carries, length, reverse, recompute } = node.attributes;
  const first = input([], 'float32').id;
  const moving = movingCarries(changes, constants, carries, (flags) => {
    const fresh = freshInputs(body.inputs);
    return by
      .pushForward(instantiate(body, fresh), tangentInputs(fresh, flags))
      .map((change) => change !== null);
  });
  const fresh = freshInputs(body.inputs);
  const known = tangentInputs(fresh, moving);
  const out = instantiate(body, fresh);
  const outChanges = by.pushForward(out, known);
  const [constantInputs, carryInputs, elements] = [
    fresh.slice(0, constants),
    fresh.slice(constants, constants + carries),
    fresh.slice(constants + carries),
  ].map((list) => [...list, ...list.flatMap((x) => known.get(x) ?? [])]);
  const movingOut = out.flatMap((_, i) => {
    const moves = i < carries ? moving[constants + i] : outChanges[i] !== null;
    return moves ? [i] : [];
  });
  const carried = movingOut.filter((i) => i < carries);
  const left = movingOut.filter((i) => i >= carries);
  const change = (i: number) => outChanges[i] ?? fill(0, out[i]);
  const outputs = [
    ...out.slice(0, carries),
    ...carried.map(change),
    ...out.slice(carries),
    ...left.map(change),
  ];
  const closure = closureOf([...constantInputs, ...carryInputs, ...elements], outputs, first);
  const given = node.inputs.map((x, i) => changes[i] ?? fill(0, x));
  const withChanges = (from: number, to: number) => [
    ...node.inputs.slice(from, to),
    ...given.slice(from, to).filter((_, i) => moving[from + i]),
  ];
  const count = carries + carried.length;
  const made = parts(
    'scan',
    {
      results: outputs.map((x, i) => (i < count ? typeOf(x) : stacked(length, x))),
      body: closure.body,
      constants: closure.captured.length + constantInputs.length,
      carries: count,
      length,
      reverse,
      recompute,
    },
    [
      ...closure.captured,
      ...withChanges(0, constants),
      ...withChanges(constants, constants + carries),
      ...withChanges(constants + carries, node.inputs.length),
    ],
  );
  return out.map((_, i) => {
    if (!movingOut.includes(i)) return null;
    return i < carries
      ? made[carries + carried.indexOf(i)]
      : made[count + (out.length - carries) + left.indexOf(i)];
  });
}

function cotangents(node: Node<'scan'>, changes: readonly Change[], by: Differentiation): readonly Change[] {
  const { body, constants, carries, length, reverse, recompute } = node.attributes;
  const first = input([], 'float32').id;
  const fresh = freshInputs(body.inputs);
  const out = instantiate(body, fresh);
  // What arrives at a step: changes of its carries from the later steps, changes of its outputs from outside.
  const floatCarries = out.slice(0, carries).flatMap((x, i) => (isFloat(x.dtype) ? [i] : []));
  const liveOutputs = out.flatMap((_, i) => (i >= carries && changes[i] !== null ? [i] : []));
  const arriving = out.map(
    (x, i): Change => (floatCarries.includes(i) || liveOutputs.includes(i) ? input(x.shape, x.dtype) : null),
  );
  const leaves = fresh.map((x) => (isFloat(x.dtype) ? x : null));
  const targets = leaves.filter((x) => x !== null);
  const pulled = by.pullBack(out, arriving, targets);
  const back = leaves.map((x) => (x === null ? null : pulled[targets.indexOf(x)]));
  const summed = fresh.flatMap((_, i) => (i < constants && back[i] !== null ? [i] : []));
  const sequences = fresh.flatMap((_, i) => (i >= constants + carries && back[i] !== null ? [i] : []));
  const sums = summed.map((i) => input(fresh[i].shape, fresh[i].dtype));
  const results = [
    ...floatCarries.map((i) => back[constants + i] ?? fill(0, out[i])),
    ...summed.map((i, k) => add(sums[k], back[i]!)),
    ...sequences.map((i) => back[i]!),
  ];
  const changeInputs = [...arriving.filter((x) => x !== null), ...sums];
  const elements = new Set(fresh.slice(constants + carries));
  const stepwise = new Set(fresh.slice(constants));
  const residuals = recompute
    ? fresh.slice(constants, constants + carries)
    : residualsOf(results, changeInputs, stepwise).filter((x) => !elements.has(x));

  const forward = closureOf(fresh, [...out, ...residuals], first);
  const forwardParts = parts(
    'scan',
    {
      results: [...out, ...residuals].map((x, i) => (i < carries ? typeOf(x) : stacked(length, x))),
      body: forward.body,
      constants: forward.captured.length + constants,
      carries,
      length,
      reverse,
      recompute,
    },
    [...forward.captured, ...node.inputs],
  );

  // The step back takes constants, then changes that it carries, then elements, residuals and changes of outputs.
  const stored = freshInputs(residuals);
  const replaced = new Map<Node, Node>(residuals.map((x, i) => [x, stored[i]]));
  const carriedIn = [...floatCarries.map((i) => arriving[i]!), ...sums];
  const inputs = [
    ...fresh.slice(0, constants),
    ...carriedIn,
    ...elements,
    ...stored,
    ...liveOutputs.map((i) => arriving[i]!),
  ];
  const backward = closureOf(inputs, rebuild(results, replaced, new Set(inputs)), first);
  const backwardParts = parts(
    'scan',
    {
      results: results.map((x, i) => (i < carriedIn.length ? typeOf(x) : stacked(length, x))),
      body: backward.body,
      constants: backward.captured.length + constants,
      carries: carriedIn.length,
      length,
      reverse: !reverse,
      recompute,
    },
    [
      ...backward.captured,
      ...node.inputs.slice(0, constants),
      ...floatCarries.map((i) => changes[i] ?? fill(0, out[i])),
      ...sums.map((x) => fill(0, x)),
      ...node.inputs.slice(constants + carries),
      ...forwardParts.slice(out.length),
      ...liveOutputs.map((i) => changes[i]!),
    ],
  );
  const changeOf = new Map<number, Node>();
  [...floatCarries.map((i) => constants + i), ...summed, ...sequences].forEach((position, k) => {
    changeOf.set(position, backwardParts[k]);
  });
  return node.inputs.map((_, i) => changeOf.get(i) ?? null);
}

/** Views cost nothing to make again, and may be larger than what they show. */
const remade = new Set<Op>(['broadcast', 'reshape', 'transpose', 'alias', 'stopGradient', 'slice', 'window']);

/**
 * What a step leaves behind for the step back: nodes that depend on the step (`stepwise`: its carries and elements) but on no change, and
 * that something reads which does.
 */
function residualsOf(
  results: readonly Node[],
  changes: readonly Node[],
  stepwise: ReadonlySet<Node>,
): Node[] {
  const isChange = new Set<Node>(changes);
  const isStep = new Set<Node>(stepwise);
  const found = new Set<Node>();
  const order = topological(results, (x) => x.stored !== null);
  for (const node of order) {
    if (node.inputs.some((x) => isChange.has(x))) isChange.add(node);
    else if (node.inputs.some((x) => isStep.has(x))) isStep.add(node);
  }
  const leave = (node: Node): void => {
    if (!isStep.has(node) || isChange.has(node)) return;
    if (remade.has(node.op) && !stepwise.has(node)) node.inputs.forEach(leave);
    else found.add(node);
  };
  for (const node of order) if (isChange.has(node)) node.inputs.forEach(leave);
  results.forEach(leave);
  return [...found];
}
