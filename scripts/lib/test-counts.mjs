/** Tests by how they ended. */
export const NO_COUNTS = { passed: 0, failed: 0, skipped: 0 };

/**
 * Counts from Jest's JSON report. A file that cannot be run holds nobody knows how many tests: it counts as one that failed, and
 * so does a run that leaves no report.
 *
 * @param {object | undefined} report
 */
export function countsOf(report) {
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function addCounts(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** Of a step that failed: at least one, so that a closing line about several steps never says that nothing did. */
export function failedCounts(counts = NO_COUNTS) {
  return { ...counts, failed: Math.max(1, counts.failed) };
}
