import { type Entry, geometricMean, type Results, ResultTable } from './bench_results.ts';
import type { Quantity, Suite, Table, Target } from './bench_suite.ts';

/** The report of `nabla bench` as Markdown: machine, a section for each table with its targets, and notes written by hand. */

/** What is between these lines in an older report is kept. */
const notesStart = '<!-- notes: written by hand, kept when the tables are written anew -->';
const notesEnd = '<!-- end of notes -->';

/** Three significant digits, without an exponent. */
export function digits3(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6)).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
}

const units: { readonly [quantity in Quantity]: string } = {
  time: 'ms',
  rate: 'GFLOP/s',
  first: 'ms',
  cold: 'ms',
  peak: 'MiB',
  cost: 'ns per multiply-add',
};

const shown = (value: number, quantity: Quantity): string =>
  digits3(quantity === 'peak' ? value / 2 ** 20 : value);

/** A Markdown table whose columns line up. */
function markdownTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(rows[0]), line(rule), ...rows.slice(1).map(line)];
}

/** The result of a target. */
export interface Verdict {
  /** The worst value, or the mean. */
  readonly measured: number;
  /** Whether it is within the bound; open where that depends on workloads that were not measured. */
  readonly reached: 'reached' | 'not reached' | 'open';
  /** Where the worst value is. */
  readonly at: string | null;
  /** How many of the workloads have no value. */
  readonly absent: number;
}

/** Compares what was measured with a target; null if nothing was. */
export function judge(target: Target, results: ResultTable): Verdict | null {
  const values: { at: string; value: number }[] = [];
  for (const names of target.workloads) {
    const [name, other] = typeof names === 'string' ? [names, names] : names;
    let value: number | null;
    if (typeof names !== 'string' && target.theirs === undefined) {
      const ours = results.best(name, target.ours, target.quantity);
      value = ours === null ? null : results.ratio(target.quantity, [name, [ours]], [other, [ours]]);
    } else if (target.theirs === undefined) {
      const ours = results.best(name, target.ours, target.quantity);
      value = ours === null ? null : results.value(name, ours, target.quantity);
    } else value = results.ratio(target.quantity, [name, target.ours], [other, target.theirs]);
    if (value !== null) values.push({ at: name, value });
  }
  if (values.length === 0) return null;
  const absent = target.workloads.length - values.length;
  const more = target.quantity === 'rate';
  const within = (value: number) => (more ? value >= target.bound : value <= target.bound);
  const verdict = (value: number) => (within(value) ? 'reached' : 'not reached');
  if (target.over === 'mean') {
    const measured = geometricMean(values.map(({ value }) => value));
    return { measured, reached: absent > 0 ? 'open' : verdict(measured), at: null, absent };
  }
  const worse = (a: number, b: number) => (more ? a < b : a > b);
  const worst = values.reduce((a, b) => (worse(b.value, a.value) ? b : a));
  const reached = absent > 0 && within(worst.value) ? 'open' : verdict(worst.value);
  return { measured: worst.value, reached, at: worst.at, absent };
}

function targetLines(targets: readonly Target[], results: ResultTable): string[] {
  const rows = targets.map((target) => {
    const verdict = judge(target, results);
    const absolute = target.theirs === undefined && target.workloads.every((w) => typeof w === 'string');
    const unit = absolute ? ` ${units[target.quantity]}` : '';
    const text = (value: number) => (absolute ? shown(value, target.quantity) : digits3(value)) + unit;
    const asked = `${target.quantity === 'rate' ? 'at least' : 'at most'} ${text(target.bound)}`;
    if (verdict === null) return [target.text, asked, 'not measured', ''];
    const where = verdict.at === null || target.workloads.length === 1 ? '' : ` (${verdict.at})`;
    const absent = verdict.absent === 0 ? '' : `, ${verdict.absent} not measured`;
    return [
      target.text,
      asked,
      `${text(verdict.measured)}${where}${absent}`,
      verdict.reached === 'not reached' ? '**not reached**' : verdict.reached,
    ];
  });
  return markdownTable([['Target', 'Asked', 'Measured', ''], ...rows]);
}

function section(table: Table, suite: Suite, results: ResultTable): string[] {
  const label = (id: string) => suite.contenders.find((contender) => contender.id === id)!.label;
  const measured = (workload: string) => table.contenders.some((id) => results.entry(workload, id) !== null);
  const workloads = table.workloads.filter(measured);
  const lines = [`## ${table.title}`, '', table.text, ''];
  if (workloads.length === 0) lines.push('Not measured yet.', '');
  else {
    const contenders = table.contenders.filter((id) =>
      workloads.some((workload) => results.value(workload, id, table.quantity) !== null),
    );
    const ratios = (table.ratios ?? []).filter(({ ours, theirs }) =>
      workloads.some((name) => results.ratio(table.quantity, [name, ours], [name, theirs ?? ours]) !== null),
    );
    const rows = workloads.map((name) => [
      name,
      ...contenders.map((id) => {
        const value = results.value(name, id, table.quantity);
        return value === null ? '·' : shown(value, table.quantity);
      }),
      ...ratios.map(({ ours, theirs = ours }) => {
        const ratio = results.ratio(table.quantity, [name, ours], [name, theirs]);
        return ratio === null ? '·' : digits3(ratio);
      }),
    ]);
    const head = [units[table.quantity], ...contenders.map(label), ...ratios.map((ratio) => ratio.label)];
    lines.push(...markdownTable([head, ...rows]), '');
    const failures = workloads.flatMap((name) =>
      table.contenders.flatMap((id) => {
        const failure = results.entry(name, id)?.failure;
        return failure === undefined ? [] : [{ name, id, failure }];
      }),
    );
    // One line for contenders that give the same reason.
    const reasons = new Map<string, string[]>();
    for (const { name, id, failure } of failures) {
      const key = `${label(id)}: ${failure}`;
      reasons.set(key, [...(reasons.get(key) ?? []), name]);
    }
    for (const [reason, names] of reasons) lines.push(`- ${names.join(', ')}: ${reason}`);
    if (reasons.size > 0) lines.push('');
  }
  if (table.targets !== undefined && table.targets.length > 0)
    lines.push(...targetLines(table.targets, results), '');
  return lines;
}

/** Workloads whose contenders do not agree on the number of parameters or the shape of the result: they do not run the same. */
export function disagreements(entries: readonly Entry[]): string[] {
  const sizes = new Map<string, Map<string, string[]>>();
  for (const { workload, contender, size } of entries) {
    if (size === undefined) continue;
    const bySize = sizes.get(workload) ?? new Map<string, string[]>();
    bySize.set(size, [...(bySize.get(size) ?? []), contender]);
    sizes.set(workload, bySize);
  }
  return [...sizes].flatMap(([workload, bySize]) =>
    bySize.size < 2
      ? []
      : [`${workload}: ${[...bySize].map(([size, ids]) => `${size} (${ids.join(', ')})`).join(' against ')}`],
  );
}

/** The notes of an older report, with their markers; empty ones if it has none. */
export function notesOf(report: string): string {
  const [start, end] = [report.indexOf(notesStart), report.indexOf(notesEnd)];
  return start >= 0 && end > start
    ? report.slice(start, end + notesEnd.length)
    : [notesStart, '', notesEnd].join('\n');
}

/**
 * The report.
 *
 * @param older the report that it takes the place of, whose notes it keeps
 */
export function report(suite: Suite, measured: Results, older: string): string {
  const workloads = suite.groups.flatMap((group) => group.workloads);
  const results = new ResultTable(measured.entries, workloads);
  const { machine } = measured;
  // A native contender says what its wasm sibling says, and names its compiler.
  const abouts = [...new Set(Object.values(measured.libraries))];
  const versions = abouts.filter((one) => !abouts.some((other) => other !== one && other.startsWith(one)));
  const lines = [
    '# Performance',
    '',
    'Written by `nabla bench`; every number comes from one run of it. Contenders are processes that take turns, A B C A B C, and are',
    'stopped while it is not their turn. Times are medians over the rounds of the median of a turn; ratios are medians of the ratios of',
    "a round's turns. ms: less is better; GFLOP/s: two operations a multiply-add, more is better; ·: not measured, with the reason below",
    'the table where there is one. Memory is the largest resident size of the process, its engine and libraries included.',
    '',
    `${machine.processor}, ${machine.threads} threads, ${machine.memory}, ${machine.architecture}; ${versions.join('; ')}; Node ${machine.node}.`,
    '',
    ...suite.tables.flatMap((table) => section(table, suite, results)),
    '## Notes',
    '',
    notesOf(older),
    '',
  ];
  return lines.join('\n');
}
