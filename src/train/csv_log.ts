import { writeFileAtomically } from '../io/atomic.ts';
import type { Callback, Logs } from './callback.ts';

/** A table of logs: a line of names, a line for each epoch. */
export function logsToCsv(history: readonly Logs[]): string {
  const names = [...new Set(history.flatMap((logs) => Object.keys(logs)))];
  const quoted = (name: string) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);
  const lines = history.map((logs, i) => [i + 1, ...names.map((name) => logs[name] ?? '')].join());
  return `${[['epoch', ...names.map(quoted)].join(), ...lines].join('\n')}\n`;
}

/**
 * Keeps a CSV file with a line of loss and metrics for each epoch. It is replaced as a whole, so it is never torn, and in a
 * resumed run has no epoch twice.
 *
 * @throws WriteError, in training, if it cannot be written
 */
export const csvLog = (path: string): Callback => ({
  onEpochEnd: (run) => writeFileAtomically(path, logsToCsv(run.history)),
});
