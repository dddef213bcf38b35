import type { CompiledProgram } from '../compiler/compile.ts';
import { rebuild } from '../graph/body.ts';
import { broadcast, input } from '../graph/build.ts';
import { allocate } from '../graph/dtype.ts';
import { graphText } from '../graph/key.ts';
import { type Node, topological } from '../graph/node.ts';
import { compositeProgram } from './composite.ts';
import { buildNativeOrWasm } from './cpu/native_program.ts';
import { buildWasm, heap, type WasmArtifact, WasmProgram } from './cpu/wasm_program.ts';
import { hasControl } from './prepare_control.ts';
import type { BuildProgram, Program, ProgramSource } from './program.ts';
import { evaluateReference } from './reference/evaluate.ts';
import { Storage } from './storage.ts';
import { tierOf } from './tier.ts';

/** Runs graphs on the current device. */

const isStored = (node: Node): boolean => node.stored !== null;

/** Compiled graphs by structure: an eager loop reuses the code of its first round. */
const artifacts = new Map<string, WasmArtifact>();
/** Entries are dropped oldest first beyond this many. */
const mostArtifacts = 1024;

/** Computes nodes now, in one program. */
export function evaluate(nodes: readonly Node[]): Storage[] {
  const inputs = topological(nodes, isStored).filter(isStored);
  const source = { inputs, outputs: nodes, donations: nodes.map(() => -1) };
  const storages = inputs.map((node) => node.stored as Storage);
  if (device() === 'reference') return referenceProgram(source).run(storages);
  const key = graphText(inputs, nodes);
  if (hasControl(nodes, isStored)) return evaluateControl(source, key, storages);
  const known = recent(artifacts, key);
  const results =
    known === undefined ? evaluateNew(source, key, storages) : new WasmProgram(source, known).run(storages);
  heap().trim();
  return results;
}

/** An entry of a map in order of last use. */
function recent<T>(map: Map<string, T>, key: string): T | undefined {
  const value = map.get(key);
  if (value !== undefined) {
    map.delete(key);
    map.set(key, value);
  }
  return value;
}

function remember<T>(map: Map<string, T>, key: string, value: T): T {
  if (map.size >= mostArtifacts) map.delete(map.keys().next().value!);
  map.set(key, value);
  return value;
}

/** How many programs there have been that differ in their numbers only. */
const variants = new Map<string, number>();
/** From so many on, numbers are handed in: a loop over `x.mul(i)` compiles no more. The results are the same, bit for bit. */
const manyVariants = 8;

/** Runs a graph that was not met before, at least not with these numbers. */
function evaluateNew(source: ProgramSource, key: string, storages: readonly Storage[]): Storage[] {
  const numbers: Node<'constant'>[] = [];
  const shape = graphText(source.inputs, source.outputs, numbers);
  const count = (recent(variants, shape) ?? 0) + 1;
  remember(variants, shape, count);
  if (numbers.length === 0 || count < manyVariants) {
    return new WasmProgram(source, remember(artifacts, key, buildWasm(source))).run(storages);
  }
  const places = numbers.map(({ dtype }) => input([], dtype));
  const inputs = [...source.inputs, ...places];
  const lifted =
    recent(artifacts, shape) ?? remember(artifacts, shape, buildWasm(withInputs(source, numbers, places)));
  const values = numbers.map(({ dtype, attributes }) => {
    const data = allocate(dtype, 1);
    data[0] = attributes.value;
    return new Storage(dtype, 1, data);
  });
  const results = new WasmProgram({ ...source, inputs }, lifted).run([...storages, ...values]);
  // A number may be a result as it is.
  for (const value of values) if (!results.includes(value)) value.release();
  return results;
}

/** The graph with scalar inputs in place of numbers. */
function withInputs(
  { inputs, outputs, donations }: ProgramSource,
  numbers: readonly Node<'constant'>[],
  places: readonly Node[],
): ProgramSource {
  const replaced = new Map<Node, Node>(
    numbers.map((node, i) => [node, broadcast(places[i], node.shape, [])]),
  );
  return { inputs: [...inputs, ...places], outputs: rebuild(outputs, replaced), donations };
}

/** Programs with control flow, by structure. */
const composites = new Map<string, Program>();

function evaluateControl(source: ProgramSource, key: string, inputs: readonly Storage[]): Storage[] {
  const program = composites.get(key) ?? anyProgram(source, 1, (s) => new WasmProgram(s));
  composites.delete(key);
  if (composites.size >= mostArtifacts) composites.delete(composites.keys().next().value!);
  composites.set(key, program);
  const results = program.run(inputs);
  heap().trim();
  return results;
}

/** A program of any graph, of straight-line programs that `build` makes. */
function anyProgram(source: ProgramSource, times: number, build: BuildProgram): Program {
  const given = new Set(source.inputs);
  if (!hasControl(source.outputs, (node) => given.has(node))) return build(source, times);
  return compositeProgram(source, (part, repeats) => anyProgram(part, times * repeats, build), heap());
}

/** A straight-line program on the tier that suits it. */
const tieredProgram: BuildProgram = (source, times) => {
  const artifact = tierOf(source, times) === 'native' ? buildNativeOrWasm(source) : buildWasm(source);
  for (const watcher of watchers) watcher(artifact.compiled);
  return new WasmProgram(source, artifact);
};

/** Makes a program of a traced function. */
export function compile(source: ProgramSource): Program {
  if (device() === 'reference') return referenceProgram(source);
  const program = anyProgram(source, 1, tieredProgram);
  return { run: (inputs) => keepState(source, inputs, program.run(inputs)) };
}

/** Contents of variables stay in the heap; those that they replace go, unless somebody else can see them. */
function keepState(
  { donations, outputs }: ProgramSource,
  inputs: readonly Storage[],
  results: Storage[],
): Storage[] {
  const memory = heap();
  donations.forEach((donor, i) => {
    if (donor < 0) return;
    results[i].shape = outputs[i].shape;
    memory.pin(results[i]);
    const former = inputs[donor];
    if (former !== results[i] && !former.shared && !results.includes(former)) former.release();
  });
  memory.trim();
  return results;
}

const watchers = new Set<(compiled: CompiledProgram) => void>();

/** Shows every program that `jit` compiles while `body` runs: its kernels and its memory. */
export function watchCompilations<T>(watcher: (compiled: CompiledProgram) => void, body: () => T): T {
  watchers.add(watcher);
  try {
    return body();
  } finally {
    watchers.delete(watcher);
  }
}

/** `NABLA_DEVICE=reference` runs everything on the scalar interpreter: slow, but obviously right. */
const device = (): string => (typeof process === 'undefined' ? 'cpu' : (process.env.NABLA_DEVICE ?? 'cpu'));

function referenceProgram(source: ProgramSource): Program {
  return {
    run: (inputs) => {
      const data = new Map(source.inputs.map((node, i) => [node, inputs[i].read()]));
      const values = evaluateReference(source.outputs, (node) => data.get(node)!);
      return source.outputs.map(
        (node) => new Storage(node.dtype, values.get(node)!.length, values.get(node)!.slice()),
      );
    },
  };
}
