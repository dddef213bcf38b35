import { type Colleague, workerText } from './colleague.ts';
import type { WorkerSetup } from './worker.ts';

/**
 * Nothing tells a page that is busy that a worker has ended, so one that has not come to a barrier for so many milliseconds counts as
 * lost. No chunk of a kernel takes a tenth of that.
 */
const longestWait = 10_000;

/** Whether workers could share memory with the calling thread: in pages and workers that are cross-origin isolated. */
export const canStartWebWorkers = (): boolean =>
  typeof Worker !== 'undefined' && globalThis.crossOriginIsolated === true;

let address: string | null = null;

/** The address of the workers' text. It is a blob, so that no other file has to be found, whatever has bundled this one. */
function workerAddress(): string {
  // Messages come as events; the worker goes back to its event loop for those that it needs, and only for them.
  const text = `
    const queue = [];
    let main = null;
    onmessage = ({ data }) => {
      if (main === null) main = ${workerText()}(data, () => queue.shift(), 1);
      else queue.push(data);
      if (main.next().done) close();
    };
  `;
  address ??= URL.createObjectURL(new Blob([text], { type: 'text/javascript' }));
  return address;
}

/**
 * Starts a worker of a browser.
 *
 * @param lost is called when it has failed
 */
export function webColleague(setup: WorkerSetup, lost: (reason: string) => void): Colleague {
  const worker = new Worker(workerAddress(), { name: `nabla ${setup.thread}` });
  worker.onerror = (event) => {
    event.preventDefault();
    lost(
      `worker thread ${setup.thread} failed: ${event.message || 'it cannot be started; does the page allow workers from blob: addresses?'}`,
    );
  };
  worker.postMessage(setup);
  return {
    line: setup.line,
    post: (message) => worker.postMessage(message),
    lives: (_, waited) => waited < longestWait,
    terminate: () => worker.terminate(),
  };
}
