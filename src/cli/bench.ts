import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFileAtomically } from '../io/atomic.ts';
import { Measurer } from './bench_measure.ts';
import { digits3, disagreements, report } from './bench_report.ts';
import { type Entry, median, type Results, thisMachine } from './bench_results.ts';
import { type Group, readSuite, type Suite, type Workload } from './bench_suite.ts';
import { UsageError } from './errors.ts';
import { print, type Terminal } from './terminal.ts';

/** Options of `nabla bench`. */
export interface BenchFlags {
  /** Peers, separated by commas, or `none`; all by default. */
  against?: string;
  /** Names of workloads or groups, separated by commas; all by default. */
  workloads?: string;
  rounds?: number;
  out?: string;
  json?: string;
  list?: boolean;
}

/** Where the workloads and the peers' programs are: in the repository, not in the package. */
const benchFolder = fileURLToPath(new URL('../../bench', import.meta.url));

const turnMilliseconds = 300;
const budgetSeconds = 30;
const patienceSeconds = 600;

const namesIn = (list: string): string[] => list.split(',').map((name) => name.trim());

/** The workloads of each group that the user wants. */
function chosenWorkloads(suite: Suite, list: string | undefined): { group: Group; workload: Workload }[] {
  const all = suite.groups.flatMap((group) => group.workloads.map((workload) => ({ group, workload })));
  if (list === undefined) return all;
  const wanted = namesIn(list);
  for (const name of wanted)
    if (!all.some(({ group, workload }) => group.id === name || workload.name === name))
      throw new UsageError(
        `there is no workload or group '${name}'; groups are ${suite.groups.map(({ id }) => id).join(', ')}; nabla bench --list shows the workloads`,
      );
  return all.filter(({ group, workload }) => wanted.includes(group.id) || wanted.includes(workload.name));
}

/** Ids of the contenders that the user wants: nabla's and those of the peers. */
function chosenContenders(suite: Suite, list: string | undefined): Set<string> {
  const peers = [...new Set(suite.contenders.map(({ library }) => library))].filter(
    (name) => name !== 'nabla',
  );
  const wanted = list === undefined ? peers : list.trim() === 'none' ? [] : namesIn(list);
  for (const name of wanted)
    if (name !== 'nabla' && !peers.includes(name))
      throw new UsageError(`there is no peer '${name}'; peers are ${peers.join(', ')}, or none`);
  const libraries = new Set(['nabla', ...wanted]);
  return new Set(suite.contenders.filter(({ library }) => libraries.has(library)).map(({ id }) => id));
}

/** Results in a file, to which those of other workloads are added. */
function earlierResults(path: string | undefined): Results | null {
  if (path === undefined || !existsSync(path)) return null;
  let results: Results;
  try {
    results = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(results.entries) || typeof results.machine !== 'object')
      throw new Error('not results');
  } catch (error) {
    throw new UsageError(`${path} does not hold results of nabla bench: ${(error as Error).message}`);
  }
  const here = JSON.stringify(thisMachine());
  if (JSON.stringify(results.machine) !== here)
    throw new UsageError(
      `${path} holds results of another machine or Node (${JSON.stringify(results.machine)}, here ${here}); choose another --json`,
    );
  return results;
}

/** What the user sees when a workload is done: the contenders from the fastest on, and who failed. */
function printEntries(suite: Suite, entries: readonly Entry[], terminal: Terminal): void {
  const label = (id: string) => suite.contenders.find((contender) => contender.id === id)!.label;
  const done = entries.filter((entry) => entry.failure === undefined);
  for (const { contender, turns, first, cold, peak } of done.sort(
    (a, b) => median(a.turns) - median(b.turns),
  )) {
    const more = [
      ...(first === undefined ? [] : [`first ${digits3(first)} ms`]),
      ...(cold === undefined ? [] : [`cold ${digits3(cold)} ms`]),
      ...(peak === undefined ? [] : [`peak ${digits3(peak / 2 ** 20)} MiB`]),
    ];
    const line = `  ${label(contender).padEnd(28)} ${`${digits3(median(turns))} ms`.padStart(12)}   ${more.join(', ')}`;
    print(terminal, line.trimEnd());
  }
  for (const { contender, failure } of entries)
    if (failure !== undefined) print(terminal, `  ${label(contender).padEnd(28)} ${failure}`);
  for (const line of disagreements(entries)) print(terminal, `  sizes differ, not the same work: ${line}`);
}

/**
 * `nabla bench`: measures the workloads of bench/suite.json with nabla in four settings and with the peers that are installed, and
 * writes the tables. All workloads: to docs/performance.md, unless `out` says otherwise. Some: to `out`, or else only to the terminal.
 *
 * @param folder of suite.json
 * @throws UsageError where a name is wrong or there is no such folder, Interrupted, errors of the disk
 */
export async function benchCommand(
  flags: BenchFlags,
  terminal: Terminal,
  folder = benchFolder,
): Promise<void> {
  if (!existsSync(join(folder, 'suite.json')))
    throw new UsageError(
      'nabla bench needs the bench/ folder of the repository, which is not part of the package: clone it, npm ci, npm run build, npm --prefix bench ci, node dist/cli/main.js bench',
    );
  const suite = readSuite(folder);
  const chosen = chosenWorkloads(suite, flags.workloads);
  if (flags.list) {
    for (const { id, workloads } of suite.groups)
      print(terminal, `${id}: ${workloads.map(({ name }) => name).join(', ')}`);
    return;
  }
  const ids = chosenContenders(suite, flags.against);
  const earlier = earlierResults(flags.json);
  let entries = earlier?.entries ?? [];
  const measurer = new Measurer({
    folder,
    env: terminal.env,
    rounds: flags.rounds ?? 5,
    turn: turnMilliseconds,
    budget: budgetSeconds,
    patience: patienceSeconds,
    signal: terminal.signal,
  });
  const results = (): Results => ({
    machine: thisMachine(),
    libraries: { ...earlier?.libraries, ...measurer.libraries },
    entries,
  });
  const told = new Set<string>();
  try {
    for (const [i, { group, workload }] of chosen.entries()) {
      print(terminal, `${workload.name} (${i + 1} of ${chosen.length})`);
      const specs = suite.contenders.filter(({ id }) => ids.has(id) && group.contenders.includes(id));
      const measured = await measurer.measure(workload, group, specs);
      for (const { id, label, install } of specs) {
        const reason = measurer.missing.get(id);
        if (reason === undefined || told.has(id)) continue;
        told.add(id);
        print(
          terminal,
          `  ${label} is not there: ${reason}${install ? `; install it with: ${install}` : ''}`,
        );
      }
      printEntries(suite, measured, terminal);
      // Ratios are those of one run: nothing is left of an earlier one.
      entries = [...entries.filter((entry) => entry.workload !== workload.name), ...measured];
      // After each workload: an interruption loses one.
      if (flags.json !== undefined)
        await writeFileAtomically(flags.json, `${JSON.stringify(results(), null, 1)}\n`);
    }
  } finally {
    await measurer.close();
  }
  const whole = flags.workloads === undefined;
  const path = flags.out ?? (whole ? join(folder, '..', 'docs', 'performance.md') : undefined);
  if (path === undefined) return;
  const older = existsSync(path) ? readFileSync(path, 'utf8') : '';
  await writeFileAtomically(path, report(suite, results(), older));
  print(terminal, `written: ${path}`);
}
