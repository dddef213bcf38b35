import type { ProgressStream } from '../train/progress.ts';

/** What a command writes to, and what may interrupt it. */
export interface Terminal {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Writes a line. */
export const print = (terminal: Terminal, line = ''): void => {
  terminal.stdout.write(`${line}\n`);
};
