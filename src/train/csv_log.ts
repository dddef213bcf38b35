import { writeFileAtomically } from '../io/atomic.ts';
import type { Callback, Logs } from './callback.ts';

/** A table of logs: a line of names, a line for each epoch, of which the first has the number `first`. */
export function logsToCsv(history: readonly Logs[], first = 1): string {
  const names = [...new Set(history.flatMap((logs) => Object.keys(logs)))];
  const quoted = (name: string) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);
  const lines = history.map((logs, i) => [first + i, ...names.map((name) => logs[name] ?? '')].join());
  return `${[['epoch', ...names.map(quoted)].join(), ...lines].join('\n')}\n`;
}

/**
 * Keeps a CSV file with a line of loss and metrics for each epoch. It is replaced as a whole, so it is never torn, and in a
 * resumed run has no epoch twice.
 *
 * @throws WriteError, in training, if it cannot be written
 */
export const csvLog = (path: string): Callback => ({
  name: 'csvLog',
  onEpochEnd: ({ history, epoch }) =>
    writeFileAtomically(path, logsToCsv(history, epoch - history.length + 1)),
});

/**
 * Keeps a file with a line of JSON for each epoch: `{"epoch":1,"loss":0.5,"validationLoss":0.6}`. Numbers that JSON has not are null. It
 * is replaced as a whole, as that of {@link csvLog}.
 *
 * @throws WriteError, in training, if it cannot be written
 */
export const jsonLog = (path: string): Callback => ({
  name: 'jsonLog',
  onEpochEnd: ({ history, epoch }) => {
    const first = epoch - history.length + 1;
    const lines = history.map((logs, i) => `${JSON.stringify({ epoch: first + i, ...logs })}\n`);
    return writeFileAtomically(path, lines.join(''));
  },
});
