#!/usr/bin/env node
import { reasonOf } from '../io/atomic.ts';
import { exitCodes, run } from './program.ts';

/** The `nabla` command as a process: Ctrl-C ends what runs in good order, a second one at once. */

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());

// A reader such as `head` has seen enough; or the disk, to which the output goes, is full.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.stderr.write(`nabla: cannot write the output: ${reasonOf(error)}\n`);
  process.exit(error.code === 'EPIPE' ? 141 : exitCodes.failure);
});

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: interruption.signal,
});
