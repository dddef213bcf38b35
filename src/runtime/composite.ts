import { rebuild } from '../graph/body.ts';
import { input } from '../graph/build.ts';
import { isOp, isTuple, type Node, sizeOf, topological } from '../graph/node.ts';
import type { Op, TupleOp } from '../graph/vocabulary.ts';
import { type Controller, controllers } from './controllers.ts';
import type { Heap } from './cpu/heap.ts';
import { prepareControl } from './prepare_control.ts';
import type { BuildProgram, Program, ProgramSource } from './program.ts';
import type { Storage } from './storage.ts';

/** Programs with control flow: straight-line programs, and between them loops and branches through which JavaScript steps. */

/** A part of a program, with the nodes that it reads and gives. */
interface Step {
  readonly reads: readonly Node[];
  readonly gives: readonly Node[];
  readonly run: (inputs: readonly Storage[], into: readonly Storage[]) => readonly Storage[];
  /** Whether results are written into storages that are given, or come in storages of their own. */
  readonly fills: boolean;
}

/** Not worth being stored for a later part of the program, which makes them itself. */
const remade = new Set<Op>([
  'constant',
  'literal',
  'iota',
  'reshape',
  'transpose',
  'broadcast',
  'slice',
  'window',
  'after',
]);

/**
 * Cuts a graph at its control flow. Everything that depends on no control flow is the first program, everything that depends on the results of
 * one level of it the next, and so on; within a level, loops and branches follow the program that computes what they read.
 */
export function compositeProgram(source: ProgramSource, build: BuildProgram, heap: Heap): Program {
  const given = new Set(source.inputs);
  const isInput = (node: Node) => given.has(node);
  const outputs = prepareControl(source.outputs, isInput);
  const order = topological(outputs, isInput);
  const levels = new Map<Node, number>();
  for (const node of order) {
    const below = isInput(node) ? 0 : node.inputs.reduce((most, i) => Math.max(most, levels.get(i)!), 0);
    levels.set(node, isOp(node, 'part') ? below + 1 : below);
  }
  const height = order.reduce((most, node) => Math.max(most, levels.get(node)!), 0);
  const tuples = order.filter((node): node is Node<TupleOp> => !isInput(node) && isTuple(node));

  const isAvailable = (node: Node) => isInput(node) || node.op === 'part';
  const wanted = Array.from({ length: height + 1 }, () => new Set<Node>());
  const want = (node: Node) => {
    if (!isAvailable(node)) wanted[levels.get(node)!].add(node);
  };
  for (const root of outputs) want(root);
  for (const tuple of tuples) tuple.inputs.forEach(want);
  const frontiers: Node[][] = [];
  for (let level = height; level >= 0; level--) {
    const stops = (node: Node) => isAvailable(node) || (levels.get(node)! < level && !remade.has(node.op));
    const reached = topological([...wanted[level]], stops);
    frontiers[level] = reached.filter(stops);
    for (const node of frontiers[level]) want(node);
  }

  const steps: Step[] = [];
  for (let level = 0; level <= height; level++) {
    const gives = [...wanted[level]];
    if (gives.length > 0) {
      const reads = frontiers[level];
      const laterReads = new Set([
        ...frontiers.slice(level + 1).flat(),
        ...tuples.filter((t) => levels.get(t)! >= level).flatMap((t) => t.inputs),
        ...outputs,
      ]);
      const donations = gives.map((node) => {
        const donor = source.donations[outputs.indexOf(node)] ?? -1;
        const input = donor >= 0 ? source.inputs[donor] : null;
        return input === null || laterReads.has(input) ? -1 : reads.indexOf(input);
      });
      // What an earlier step has computed is only a value here: passes that look at its operands would bring them back.
      const values = new Map(reads.map((x) => [x, isOp(x, 'input') ? x : input(x.shape, x.dtype)]));
      const request = { inputs: [...values.values()], outputs: rebuild(gives, values), donations };
      const program = build(request, 1);
      steps.push({ reads, gives, run: (inputs, into) => program.run(inputs, into), fills: true });
    }
    for (const tuple of tuples) {
      if (levels.get(tuple) !== level) continue;
      const gives = order.filter((node) => isOp(node, 'part') && node.inputs[0] === tuple);
      const run = (controllers[tuple.op] as Controller<TupleOp>)(tuple, build, heap);
      const indices = gives.map((node) => (node as Node<'part'>).attributes.index);
      steps.push({
        reads: tuple.inputs,
        gives,
        run: (inputs) => {
          const results = run(inputs);
          // Results that nobody reads go at once.
          results.forEach((result, i) => {
            if (!indices.includes(i)) result.release();
          });
          return indices.map((i) => results[i]);
        },
        fills: false,
      });
    }
  }
  return stepped(source, outputs, steps, heap);
}

/** Runs steps one after the other; values go when nobody will read them any more. */
function stepped(
  source: ProgramSource,
  outputs: readonly Node[],
  steps: readonly Step[],
  heap: Heap,
): Program {
  const lastRead = new Map<Node, number>();
  steps.forEach(({ reads, gives }, i) => {
    for (const node of [...reads, ...gives]) lastRead.set(node, i);
  });
  const isOutput = new Set(outputs);
  const dying = steps.map((_, i) =>
    [...lastRead].flatMap(([node, last]) =>
      last === i && !isOutput.has(node) && !source.inputs.includes(node) ? [node] : [],
    ),
  );
  return {
    run: (inputs, into = []) => {
      const values = new Map<Node, Storage>(source.inputs.map((node, i) => [node, inputs[i]]));
      steps.forEach(({ reads, gives, run, fills }, i) => {
        const places = fills
          ? gives.map((node) => {
              const place = isOutput.has(node) ? into[outputs.indexOf(node)] : undefined;
              return place ?? heap.create(node.dtype, sizeOf(node.shape));
            })
          : [];
        const results = run(
          reads.map((node) => values.get(node)!),
          places,
        );
        gives.forEach((node, k) => {
          values.set(node, results[k]);
          // What was written over its donor leaves the place that was made for it.
          if (fills && results[k] !== places[k] && !into.includes(places[k])) places[k].release();
        });
        for (const node of dying[i]) values.get(node)!.release();
      });
      const copied = new Set<Storage>();
      const results = outputs.map((node, i) => {
        const value = values.get(node)!;
        const place = into[i];
        if (place === undefined || place === value) return value;
        const donor = source.donations[i];
        if (donor >= 0 && value === inputs[donor] && node !== source.inputs[donor]) return value;
        heap.copy(value, place);
        if (!inputs.includes(value)) copied.add(value);
        return place;
      });
      for (const value of copied) if (!results.includes(value)) value.release();
      return results;
    },
  };
}
