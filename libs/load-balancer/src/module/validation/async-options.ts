import { InvalidOptionsError, type OptionsProblem } from '../../errors.js';
import type { LoadBalancerModuleAsyncOptions } from '../options.js';
import { anything, boolean, callable, isObject, list, pathTo, section, text, type Report } from './schema.js';

const PATH = 'forRootAsync';

const schema = section<LoadBalancerModuleAsyncOptions>({
  imports: list(anything, 'modules'),
  services: list(text, 'names'),
  useFactory: callable('a function that makes the options'),
  useClass: callable('a class with a method createLoadBalancerOptions()'),
  useExisting: anything,
  inject: list(anything, 'injection tokens'),
  isGlobal: boolean,
});

/**
 * Validates what `forRootAsync()` was given.
 *
 * @throws InvalidOptionsError with all problems at once
 */
export function validateAsyncOptions(input: unknown): LoadBalancerModuleAsyncOptions {
  const problems: OptionsProblem[] = [];
  const report: Report = (path, message) => problems.push({ path, message });
  schema(input, PATH, report);
  if (isObject(input)) {
    reportFactories(input, report);
    if (Array.isArray(input.services)) reportRepetitions(input.services, report);
  }
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return input as LoadBalancerModuleAsyncOptions;
}

function reportFactories(
  { useFactory, useClass, useExisting, inject }: Readonly<Record<string, unknown>>,
  report: Report,
): void {
  if (inject !== undefined && useFactory === undefined)
    report(pathTo(PATH, 'inject'), 'is for useFactory only; a class has a constructor');
  const given = [useFactory, useClass, useExisting].filter((each) => each !== undefined).length;
  if (given !== 1) report(PATH, `expected exactly one of useFactory, useClass and useExisting, got ${given}`);
}

function reportRepetitions(names: readonly unknown[], report: Report): void {
  for (const [index, name] of names.entries()) {
    if (typeof name === 'string' && names.indexOf(name) !== index)
      report(pathTo(`${PATH}.services`, index), `"${name}" is listed twice`);
  }
}
