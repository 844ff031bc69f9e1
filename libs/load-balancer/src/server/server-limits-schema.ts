import { adaptive, reportAdaptiveBounds } from '../module/validation/call-schema.js';
import type { Check } from '../module/validation/schema.js';
import { integer, isObject, pathTo, ProblemCounter, section } from '../module/validation/schema.js';
import { describeValue } from '../safe-text.js';
import type { ServerLimitsOptions } from './balanced-tcp-server-options.js';

const priorities: Check = (value, path, report) => {
  if (!isObject(value)) {
    report(path, `expected an object with priorities by pattern, got ${describeValue(value)}`);
    return;
  }
  for (const [pattern, priority] of Object.entries(value)) {
    if (priority !== 0 && priority !== 1 && priority !== 2 && priority !== 3)
      report(pathTo(path, pattern), `expected 0, 1, 2 or 3, got ${describeValue(priority)}`);
  }
};

const fields = section<ServerLimitsOptions>({ maxInFlight: integer(1), adaptive, priorities });

/** The limits of a server. */
export const serverLimits: Check = (value, path, report) => {
  const shape = new ProblemCounter(report);
  fields(value, path, shape.report);
  if (!isObject(value)) return;
  const { maxInFlight, adaptive: adapts, priorities: given } = value;
  if (given !== undefined && maxInFlight === undefined && (adapts === undefined || adapts === false))
    report(pathTo(path, 'priorities'), 'expected a limit beside it: maxInFlight, adaptive or both');
  if (shape.count > 0) return;
  const { adaptive: limit, maxInFlight: most = Infinity } = value as ServerLimitsOptions;
  if (limit) reportAdaptiveBounds(limit === true ? {} : limit, most, path, report);
};
