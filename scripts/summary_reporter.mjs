// A reporter for vitest that ends a run with one line for people and machines: `N passed, N failed`, and `, N skipped` if any.
// Whatever keeps tests from running counts as failed: a file that cannot be loaded, a hook or an unhandled error, a test without
// an end. A run that passes has therefore `0 failed`, and no other has.

/** Counts the tests of finished modules. */
export function countTests(modules, unhandledErrors = [], reason = 'passed') {
  const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
  for (const module of modules) {
    count.failed += module.errors().length;
    for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      count[state === 'pending' ? 'failed' : state]++;
    }
  }
  if (reason !== 'passed' && count.failed === 0) count.failed = 1;
  return count;
}

/** The line. */
export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors, reason) {
    console.log(summaryLine(countTests(modules, unhandledErrors, reason)));
  }
}
