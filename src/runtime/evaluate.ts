import type { CompiledProgram } from '../compiler/compile.ts';
import { type Node, topological } from '../graph/node.ts';
import { buildNativeOrWasm } from './cpu/native_program.ts';
import { buildWasm, type WasmArtifact, WasmProgram } from './cpu/wasm_program.ts';
import { graphKey } from './graph_key.ts';
import type { Program, ProgramSource } from './program.ts';
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
  const key = graphKey(source);
  let artifact = artifacts.get(key);
  if (artifact === undefined) {
    artifact = buildWasm(source);
    if (artifacts.size >= mostArtifacts) artifacts.delete(artifacts.keys().next().value!);
  } else artifacts.delete(key);
  artifacts.set(key, artifact);
  return new WasmProgram(source, artifact).run(storages);
}

/** Makes a program of a traced function. */
export function compile(source: ProgramSource): Program {
  if (device() === 'reference') return referenceProgram(source);
  const program = new WasmProgram(
    source,
    tierOf(source) === 'native' ? buildNativeOrWasm(source) : buildWasm(source),
  );
  for (const watcher of watchers) watcher(program.compiled);
  return program;
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
