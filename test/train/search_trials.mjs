// Trials that search.test.ts runs in processes of their own.

import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** The larger the rate the better, up to 0.5; whoever is called writes down that it was. */
export function trial({ lr, kind = 'fine' }, { number, seed, budget, folder }) {
  if (folder !== null) appendFileSync(join(folder, 'calls.txt'), `${budget}\n`);
  switch (kind) {
    case 'throws':
      throw new Error(`no good: ${lr}`);
    case 'exits':
      process.stderr.write('the disk is full of eels\n');
      return process.exit(7);
    case 'killed':
      return process.kill(process.pid, 'SIGKILL');
    case 'hangs':
      for (;;);
    case 'waits':
      return new Promise(() => setInterval(() => {}, 1000));
    case 'diverges':
      return { validationLoss: Number.NaN };
    case 'parent':
      // Its child goes on, and holds the output.
      spawn(process.execPath, ['-e', 'setTimeout(() => {}, 6000)'], {
        stdio: 'inherit',
        detached: true,
      }).unref();
      return { validationLoss: 1 };
    case 'peeks':
      return { validationLoss: 0, testAccuracy: 1 };
    case 'empty':
      return {};
    case 'words':
      return { validationLoss: 'low' };
    default:
      return {
        validationLoss: (lr - 0.5) ** 2,
        ...{ number, seed, budget, pid: process.pid, threads: Number(process.env.NABLA_THREADS) },
      };
  }
}

export const notAFunction = 3;
