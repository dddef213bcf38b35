// The side of a contender written in JavaScript: reads requests from standard input, one JSON object a line, and answers likewise.
//
//   {"do":"prepare","workload":{...}}            {"first":ms of the first call,"size":"..."} or {"unsupported":"why"}
//   {"do":"run","samples":n,"calls":k}           {"times":[ms a call, for each of n samples of k calls]}
//
// Before the first request it says {"ready":"library and version"}, or {"missing":"why"} and ends.
import { createInterface } from 'node:readline';

/** A workload that the library cannot do; the message says why. */
export class Unsupported extends Error {}

// Standard output is for answers alone.
for (const name of ['log', 'info', 'warn', 'debug']) console[name] = console.error;
const answer = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);

/** Milliseconds a call; a step may be asynchronous. */
async function time({ step, measured }, calls) {
  if (measured !== undefined) return measured();
  const start = performance.now();
  const pending = step();
  if (pending instanceof Promise) {
    await pending;
    for (let i = 1; i < calls; i++) await step();
  } else for (let i = 1; i < calls; i++) step();
  return (performance.now() - start) / calls;
}

/**
 * Answers requests until the input ends.
 *
 * @param open loads the library: its name and version, and `prepare`, which makes of a workload the function to time and the number of
 *   its parameters or the shape of its result. What the function computes must be complete when it returns (or its promise is kept).
 *   Instead of `step`, there may be `measured`, a function that says itself how many milliseconds a call takes.
 */
export async function serve(open) {
  let library;
  try {
    library = await open();
  } catch (error) {
    answer({ missing: String(error.message).split('\n')[0] });
    return;
  }
  answer({ ready: library.about });
  let current = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    try {
      if (request.do === 'prepare') {
        current = null;
        const prepared = await library.prepare(request.workload);
        const first = await time(prepared, 1);
        current = prepared;
        answer({ first, size: String(prepared.size) });
      } else {
        const times = [];
        for (let i = 0; i < request.samples; i++) times.push(await time(current, request.calls));
        answer({ times });
      }
    } catch (error) {
      const reason = String(error.message).split('\n')[0];
      answer(error instanceof Unsupported ? { unsupported: reason } : { error: reason });
      if (!(error instanceof Unsupported)) console.error(error);
    }
  }
  process.exit(0);
}
