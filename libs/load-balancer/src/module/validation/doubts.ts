import type { OptionPath } from '../options.js';
import { isMergedOption } from './resolve-service.js';
import { isObject, pathTo } from './schema.js';

/** What is allowed and can never work, or hardly works as it is meant. */
export interface Doubt {
  readonly option: OptionPath;
  readonly problem: string;
  /** It has no effect in this service. In `defaults` that is worth a word only where it has none in any service. */
  readonly unused?: boolean;
}

/** The doubts about one service, and what its options were made of. */
export interface DoubtedService {
  readonly name: string;
  readonly own: Readonly<Record<string, unknown>>;
  readonly doubts: readonly Doubt[];
}

/** Services that a warning about `defaults` names. */
const NAMED = 5;

/** The path of an option below another path. */
export function pathOf(base: string, option: readonly (string | number)[]): string {
  return option.reduce<string>(pathTo, base);
}

/**
 * Each doubt as a line that begins with the path at which the option was written. What services have from `defaults` is told
 * once for all of them.
 */
export function warningsOf(
  services: readonly DoubtedService[],
  defaults: Readonly<Record<string, unknown>>,
): string[] {
  const warnings: string[] = [];
  const ofDefaults = new Map<string, { readonly doubt: Doubt; readonly names: string[] }>();
  for (const { name, own, doubts } of services) {
    for (const doubt of doubts) {
      const { option, problem } = doubt;
      if (isGiven(own, option) || !isGiven(defaults, option)) {
        warnings.push(`${pathOf(pathTo('services', name), option)}: ${problem}`);
        continue;
      }
      const line = `${pathOf('defaults', option)}: ${problem}`;
      const told = ofDefaults.get(line);
      if (told) told.names.push(name);
      else ofDefaults.set(line, { doubt, names: [name] });
    }
  }
  for (const [line, { doubt, names }] of ofDefaults)
    if (doubt.unused !== true || names.length === services.length)
      warnings.push(`${line} (${listed(names)})`);
  return warnings;
}

/** Is it from here that a service has the option, as far as options are merged? */
function isGiven(options: Readonly<Record<string, unknown>>, [key, inner]: OptionPath): boolean {
  const value = options[key];
  if (value === undefined || inner === undefined || !isMergedOption(key) || !isObject(value))
    return value !== undefined;
  return value[inner] !== undefined;
}

function listed(names: readonly string[]): string {
  const more = names.length > NAMED ? `, … ${names.length} in all` : '';
  return `of ${names.slice(0, NAMED).join(', ')}${more}`;
}
