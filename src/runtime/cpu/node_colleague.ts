import type { Worker } from 'node:worker_threads';
import { type Colleague, workerText } from './colleague.ts';
import type { WorkerSetup } from './worker.ts';

/**
 * Starts a worker of Node. It does not keep the process alive.
 *
 * @param lost is called when it has ended
 */
export function nodeColleague(setup: WorkerSetup, lost: (reason: string) => void): Colleague {
  const { Worker, MessageChannel } = process.getBuiltinModule('node:worker_threads');
  const { fstatSync } = process.getBuiltinModule('node:fs');
  const { port1, port2 } = new MessageChannel();
  // Node closes the files that a worker has opened when it ends, whatever the reason: an open file is its sign of life. What is sent
  // to it is there at once, so it yields only where a message is lost.
  const text = `
    const { receiveMessageOnPort, workerData: { setup, port } } = require('node:worker_threads');
    let file = -1;
    try { file = require('node:fs').openSync(process.execPath); } catch {}
    const main = ${workerText()}(setup, () => receiveMessageOnPort(port)?.message, file + 2);
    if (!main.next().done) main.throw(new Error('a message has not arrived'));
  `;
  const worker: Worker = new Worker(text, {
    eval: true,
    name: `nabla ${setup.thread}`,
    workerData: { setup, port: port2 },
    transferList: [port2],
    execArgv: [],
    env: {},
  });
  worker.unref();
  worker.on('error', (error) => lost(`worker thread ${setup.thread} failed: ${error.message}`));
  worker.on('exit', (code) => lost(`worker thread ${setup.thread} ended with code ${code}`));
  let identity: { readonly ino: number; readonly dev: number } | null = null;
  return {
    line: setup.line,
    post: (message) => port1.postMessage(message),
    lives: (alive) => {
      // 1: it could not open the file, for want of permission.
      if (alive < 2) return true;
      try {
        const file = fstatSync(alive - 2);
        // Another thread may have opened another file under the same number since.
        identity ??= file;
        return file.ino === identity.ino && file.dev === identity.dev;
      } catch {
        return false;
      }
    },
    terminate: () => {
      port1.close();
      void worker.terminate();
    },
  };
}
