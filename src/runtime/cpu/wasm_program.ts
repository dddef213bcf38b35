import {
  type CompiledProgram,
  compileGraph,
  debug,
  isDebugging,
  kernelText,
} from '../../compiler/compile.ts';
import { programText } from '../../compiler/ir_text.ts';
import { type Target, wasmTarget } from '../../compiler/target.ts';
import { hostMath } from '../../compiler/wasm/host_math.ts';
import { printWasm } from '../../compiler/wasm/print.ts';
import { viewOf } from '../../graph/dtype.ts';
import { sizeOf } from '../../graph/node.ts';
import type { Program, ProgramSource } from '../program.ts';
import { Storage } from '../storage.ts';
import { hasFma } from './features.ts';
import { Heap } from './heap.ts';
import { type ThreadedRun, threadCount } from './threads.ts';

/** Programs of the wasm tier: one module each, run on the device's heap. */

let shared: Heap | null = null;

/** The heap of this process. */
export function heap(): Heap {
  shared ??= new Heap(threadCount());
  return shared;
}

/** A compiled graph with its module; independent of the storages that it will run on. */
export interface WasmArtifact {
  readonly compiled: CompiledProgram;
  readonly run: (argumentTable: number) => void;
}

export function buildWasm(
  source: ProgramSource,
  target: Target = wasmTarget(hasFma(), heap().threads > 1),
): WasmArtifact {
  const compiled = compileGraph(source, target);
  debug('source', () => programText(compiled.loops));
  if (compiled.loops.kernels.length === 0) return { compiled, run: () => {} };
  const { memory, pool } = heap();
  const bytes = printWasm(compiled.loops, { sharedMemory: pool !== null });
  const module = new WebAssembly.Module(bytes as BufferSource);
  const env = { memory, wait: pool?.wait };
  const { exports } = new WebAssembly.Instance(module, { env, math: hostMath } as WebAssembly.Imports);
  type Entry = (argumentTable: number) => void;
  const widths = compiled.loops.kernels.map(({ chunks }) => chunks?.count ?? 1);
  const run: ThreadedRun =
    pool?.add(module, exports, widths) ??
    ((table, kernel) => (exports[kernel === undefined ? 'run' : `k${kernel}`] as Entry)(table));
  return { compiled, run: isDebugging('times') ? timed(compiled, run) : run };
}

/** Runs kernel by kernel and prints, when the process ends, where the time of a program went. */
export function timed(
  { kernels, loops }: CompiledProgram,
  run: ThreadedRun,
): (argumentTable: number) => void {
  const times = kernels.map((): number[] => []);
  process.once('exit', () => {
    const medians = times.map((list) => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0);
    const total = medians.reduce((a, b) => a + b, 0);
    const chunks = (i: number) => ` in ${loops.kernels[i].chunks?.count ?? 1}`;
    const rows = medians.map((ms, i) => ({
      ms,
      text: `${ms.toFixed(3)} ms ${kernelText(kernels[i], i)}${chunks(i)}`,
    }));
    console.error(
      `--- times: ${times[0].length} runs, ${total.toFixed(3)} ms\n${rows
        .sort((a, b) => b.ms - a.ms)
        .map((r) => r.text)
        .join('\n')}`,
    );
  });
  return (argumentTable) => {
    kernels.forEach((_, i) => {
      const start = performance.now();
      run(argumentTable, i);
      times[i].push(performance.now() - start);
    });
  };
}

export class WasmProgram implements Program {
  readonly #source: ProgramSource;
  readonly #artifact: WasmArtifact;
  readonly #literals: Storage[];

  constructor(source: ProgramSource, artifact: WasmArtifact = buildWasm(source)) {
    this.#source = source;
    this.#artifact = artifact;
    this.#literals = artifact.compiled.literals.map(
      ({ node }) => new Storage(node.dtype, node.attributes.data.length, node.attributes.data),
    );
  }

  get compiled(): CompiledProgram {
    return this.#artifact.compiled;
  }

  /** Runs on storages that stay where they are until the caller trims the heap. An input that an output replaces may be overwritten. */
  run(inputs: readonly Storage[], into: readonly (Storage | undefined)[] = []): Storage[] {
    const { compiled } = this.#artifact;
    const memory = heap();
    const addresses = new Array<number>(compiled.argumentCount).fill(0);
    const given = [...inputs];
    const overwritten = new Set(
      compiled.outputs.flatMap((place, i) =>
        this.#source.donations[i] >= 0 &&
        place.kind === 'input' &&
        place.input === this.#source.donations[i] &&
        this.#isComputed(i)
          ? [place.input]
          : [],
      ),
    );
    for (const i of overwritten) given[i] = exclusive(inputs, i, memory);
    compiled.inputArguments.forEach((argument, i) => {
      if (argument >= 0 && given[i].length > 0) addresses[argument] = memory.admit(given[i]);
    });
    compiled.literals.forEach(({ argument }, i) => {
      addresses[argument] = memory.admit(this.#literals[i]);
    });
    const created = new Map<number, Storage>();
    const results = compiled.outputs.map((place, i) => {
      const node = this.#source.outputs[i];
      if (place.kind === 'input') return given[place.input];
      if (place.kind === 'literal') return this.#literals[place.literal];
      let storage = created.get(place.argument);
      if (storage === undefined) {
        storage = into[i] ?? memory.create(node.dtype, sizeOf(node.shape));
        memory.written(storage);
        created.set(place.argument, storage);
        addresses[place.argument] = storage.address;
      }
      return storage;
    });
    const { arenaBytes, threadBytes } = compiled.memory;
    addresses[0] = memory.arena(Math.max(64, arenaBytes + memory.threads * threadBytes));
    const table = memory.allocateTable(4 * addresses.length);
    new Uint32Array(memory.memory.buffer, table, addresses.length).set(addresses);
    this.#artifact.run(table);
    for (const i of overwritten) memory.written(given[i]);
    return results.map((result, i) => {
      const wanted = into[i];
      if (wanted === undefined || wanted === result) return result;
      // An input or a constant passed through, a result that stands twice, or one that was written over its donor.
      if (overwritten.has(this.#source.donations[i])) return result;
      memory.copy(result, wanted);
      return wanted;
    });
  }

  /** Whether an output is more than an input passed through. */
  #isComputed(output: number): boolean {
    return this.#source.outputs[output] !== this.#source.inputs[this.#source.donations[output]];
  }
}

/** The storage of an input in a form that may be overwritten: itself, or a copy if anybody else can see it. */
function exclusive(inputs: readonly Storage[], position: number, memory: Heap): Storage {
  const storage = inputs[position];
  const alone = inputs.every((other, i) => i === position || other !== storage);
  if (!storage.shared && alone) return storage;
  const copy = memory.create(storage.dtype, storage.length);
  viewOf(copy.dtype, memory.memory.buffer, copy.address, copy.length).set(storage.read());
  return copy;
}
