import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `nabla bench` measures: the workloads, who runs them, and the tables that show them, read from bench/suite.json. */

/** A library in one setting, such as nabla's native tier on two threads: a program that answers requests (bench/README.md). */
export interface ContenderSpec {
  readonly id: string;
  /** What `--against` calls it; `nabla` is this library. */
  readonly library: string;
  /** Heading of its column. */
  readonly label: string;
  /** Program and arguments, run in bench/; `node` is this Node, `python` is $PYTHON or python3. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Environment variable that names the folder of compiled code: the first step is then timed with an empty and with a filled one. */
  readonly cache?: string;
  /** How to install it. */
  readonly install?: string;
}

/** A model, as data that every runner turns into its own library's layers. */
export type ModelSpec =
  | { readonly type: 'mlp'; readonly sizes: readonly number[] }
  | { readonly type: 'lenet5' | 'convnet' }
  | { readonly type: 'resnet18'; readonly size: number; readonly classes: number }
  | { readonly type: 'lstm'; readonly vocabulary: number; readonly hidden: number; readonly steps: number }
  | {
      readonly type: 'gpt';
      readonly vocabulary: number;
      readonly layers: number;
      readonly width: number;
      readonly heads: number;
      readonly context: number;
    };

/** One thing that is timed. Names are unique in a suite. */
export type Workload = { readonly name: string } & (
  | { readonly kind: 'train'; readonly model: ModelSpec; readonly batch: number }
  | {
      readonly kind: 'infer';
      readonly model: ModelSpec;
      readonly batch: number;
      /** Whether the input is one array of the library, or a new Float32Array in each call. Default: kept. */
      readonly input?: 'kept' | 'fresh';
    }
  | { readonly kind: 'matmul'; readonly size: number }
  | {
      readonly kind: 'conv';
      readonly pass: 'forward' | 'data' | 'filter';
      readonly batch: number;
      readonly size: number;
      readonly in: number;
      readonly out: number;
      readonly kernel: number;
      readonly stride: number;
      readonly padding: number;
      readonly groups: number;
    }
);

/** Workloads that the same contenders run. */
export interface Group {
  readonly id: string;
  /** Whether each workload has a process of its own, so that its first step and its peak memory are its own. */
  readonly fresh: boolean;
  readonly contenders: readonly string[];
  readonly workloads: readonly Workload[];
}

/**
 * What a table shows or a target is about: milliseconds a call, GFLOP/s (two operations a multiply-add), milliseconds of the first call
 * in a new process, the same with an empty cache of compiled code, bytes of the largest resident size, nanoseconds a multiply-add.
 */
export const quantities = ['time', 'rate', 'first', 'cold', 'peak', 'cost'] as const;
export type Quantity = (typeof quantities)[number];

/** The best of some contenders against the best of others. */
export interface Comparison {
  readonly ours: readonly string[];
  /** None: the value of `ours` itself, or, for pairs of workloads, the same contender on the other workload. */
  readonly theirs?: readonly string[];
}

/** A bound that is to hold for each of some workloads, or for their geometric mean. */
export interface Target extends Comparison {
  readonly text: string;
  readonly quantity: Quantity;
  /** Names, or pairs of names of which the first is divided by the second. */
  readonly workloads: readonly (string | readonly [string, string])[];
  readonly over?: 'each' | 'mean';
  /** Bound of the value, or of the ratio ours/theirs; of GFLOP/s: the least. */
  readonly bound: number;
}

/** One section of the report. */
export interface Table {
  readonly title: string;
  readonly text: string;
  readonly quantity: Quantity;
  readonly workloads: readonly string[];
  readonly contenders: readonly string[];
  /** Columns of ratios, with their headings. */
  readonly ratios?: readonly (Comparison & { readonly label: string })[];
  readonly targets?: readonly Target[];
}

/** All of it. */
export interface Suite {
  readonly contenders: readonly ContenderSpec[];
  readonly groups: readonly Group[];
  readonly tables: readonly Table[];
}

/** A workload as the file has it: one for each combination of the settings in `vary`, whose values are also put into the name. */
type WorkloadEntry = Workload & { readonly vary?: Readonly<Record<string, readonly (string | number)[]>> };

function expand({ vary = {}, ...workload }: WorkloadEntry): Workload[] {
  let all: Workload[] = [workload as Workload];
  for (const [setting, values] of Object.entries(vary))
    all = all.flatMap((one) =>
      values.map(
        (value) =>
          ({ ...one, name: one.name.replace(`{${setting}}`, String(value)), [setting]: value }) as Workload,
      ),
    );
  return all;
}

/**
 * Reads suite.json in a folder. There, a workload may stand for several (`vary`), and tables and targets may name a group instead of
 * all its workloads.
 *
 * @throws Error if it names a contender or a workload that it does not define, or defines one twice
 */
export function readSuite(folder: string): Suite {
  const path = join(folder, 'suite.json');
  const raw: Suite = JSON.parse(readFileSync(path, 'utf8'));
  const groups = raw.groups.map((group) => ({ ...group, workloads: group.workloads.flatMap(expand) }));
  const named = <T>(names: readonly (string | T)[]) =>
    names.flatMap((name): readonly (string | T)[] => {
      const group = groups.find(({ id }) => id === name);
      return group === undefined ? [name] : group.workloads.map((workload) => workload.name);
    });
  const tables = raw.tables.map((table) => ({
    ...table,
    workloads: named<never>(table.workloads),
    targets: (table.targets ?? []).map((target) => ({ ...target, workloads: named(target.workloads) })),
  }));
  const suite: Suite = { contenders: raw.contenders, groups, tables };
  const contenders = suite.contenders.map(({ id }) => id);
  const workloads = suite.groups.flatMap((group) => group.workloads.map(({ name }) => name));
  const check = (what: string, names: readonly string[], known: readonly string[]) => {
    for (const name of names)
      if (!known.includes(name)) throw new Error(`${path}: there is no ${what} '${name}'`);
  };
  for (const names of [contenders, workloads, suite.groups.map(({ id }) => id)]) {
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new Error(`${path}: '${twice}' is there twice`);
  }
  for (const group of suite.groups) check('contender', group.contenders, contenders);
  for (const table of suite.tables) {
    check('contender', table.contenders, contenders);
    check('workload', table.workloads, workloads);
    for (const { ours, theirs = [] } of [...(table.ratios ?? []), ...(table.targets ?? [])])
      check('contender', [...ours, ...theirs], contenders);
    for (const target of table.targets ?? []) check('workload', target.workloads.flat(), workloads);
  }
  return suite;
}

const product = (numbers: readonly number[]): number => numbers.reduce((all, n) => all * n, 1);

/** Multiply-adds of a forward pass for one example, of models whose sizes are varied; null for others. */
function forwardMultiplyAdds(model: ModelSpec): number | null {
  switch (model.type) {
    case 'mlp':
      return model.sizes.slice(1).reduce((sum, size, i) => sum + size * model.sizes[i], 0);
    case 'lstm': {
      const { vocabulary, hidden, steps } = model;
      return steps * (4 * hidden * (hidden + hidden) + hidden * vocabulary);
    }
    case 'gpt': {
      const { vocabulary, layers, width, context } = model;
      // Four products of attention and two of the hidden layer of four times the width; scores and their sum of values.
      return context * (layers * (12 * width ** 2 + 2 * context * width) + width * vocabulary);
    }
    default:
      return null;
  }
}

/**
 * Multiply-adds of one call: of the product, of the convolution (each of its three passes has as many; products with padding count), of
 * the model's layers. A training step has three times those of the forward pass, less the gradient by an MLP's input, which nobody
 * asks for. Null where that is not known.
 */
export function multiplyAdds(workload: Workload): number | null {
  switch (workload.kind) {
    case 'matmul':
      return workload.size ** 3;
    case 'conv': {
      const { batch, size, kernel, stride, padding, groups } = workload;
      const out = Math.floor((size + 2 * padding - kernel) / stride) + 1;
      return product([batch, out, out, workload.out, kernel, kernel, workload.in / groups]);
    }
    default: {
      const { model, batch, kind } = workload;
      const forward = forwardMultiplyAdds(model);
      if (forward === null || kind !== 'train') return forward === null ? null : forward * batch;
      const unasked = model.type === 'mlp' ? model.sizes[0] * model.sizes[1] : 0;
      return (3 * forward - unasked) * batch;
    }
  }
}
