import type { LocalityOptions } from '../../cluster/locality/places.js';
import type { SubsetOptions } from '../../cluster/locality/subset.js';
import { zoneProblem } from '../../discovery/endpoint-validation.js';
import { describeValue } from '../../safe-text.js';
import { integer, isObject, number, orFalse, pathTo, section, type Check } from './schema.js';

const zone: Check = (value, path, report) => {
  const problem = value === false ? undefined : zoneProblem(value);
  if (problem !== undefined) report(path, `${problem}; false for no zone`);
};

const callersIn = number({ min: 0 });

const callers: Check = (value, path, report) => {
  if (!isObject(value)) {
    report(path, `expected an object with numbers of callers by zone, got ${describeValue(value)}`);
    return;
  }
  for (const [zone, count] of Object.entries(value)) callersIn(count, pathTo(path, zone), report);
  if (!Object.values(value).some((count) => count !== 0))
    report(path, 'expected callers in at least one zone');
};

const clientId: Check = (value, path, report) => {
  if (typeof value !== 'string' || value === '')
    report(path, `expected a text that no other client has, got ${describeValue(value)}`);
};

/** The check of a service's `locality`. */
export const locality: Check = section<LocalityOptions>({
  zone,
  callers,
  minNodes: integer(1),
  overProvisioning: number({ min: 1 }),
});

/** The check of a service's `subset`. */
export const subset: Check = orFalse(
  section<SubsetOptions>({ size: integer(1), clientId }, 'an object or false'),
);
