import type { Resolver } from '../../discovery/resolver.js';
import { describeValue, oneLine } from '../../safe-text.js';
import { isObject, pathTo, type Report } from './schema.js';

const SCHEME = /^[a-z][a-z0-9+.-]*$/i;

/** Reads the module's `resolvers`: makes those that are given as classes, and reports what is none. */
export function collectResolvers(value: unknown, path: string, report: Report): Resolver[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    report(path, `expected a list of resolvers, got ${describeValue(value)}`);
    return [];
  }
  const resolvers: Resolver[] = [];
  const ownerOf = new Map<string, string>();
  for (const [index, item] of (value as unknown[]).entries()) {
    const at = pathTo(path, index);
    const resolver = typeof item === 'function' ? instantiate(item, at, report) : item;
    if (resolver === undefined && typeof item === 'function') continue;
    if (!isResolver(resolver)) {
      report(
        at,
        `expected a resolver ({ schemes: ['…'], watch() }) or a class of one, got ${describeValue(item)}`,
      );
      continue;
    }
    for (const scheme of resolver.schemes) {
      const owner = ownerOf.get(scheme.toLowerCase());
      if (!SCHEME.test(scheme))
        report(at, `not a URI scheme: ${describeValue(scheme)} (write it without "://")`);
      else if (owner !== undefined) report(at, `the scheme ${describeValue(scheme)} is taken by ${owner}`);
      else ownerOf.set(scheme.toLowerCase(), at);
    }
    resolvers.push(resolver);
  }
  return resolvers;
}

function instantiate(resolverClass: unknown, path: string, report: Report): unknown {
  try {
    return new (resolverClass as new () => unknown)();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    report(path, `the class cannot be made without arguments: ${oneLine(reason, 200)}`);
    return undefined;
  }
}

function isResolver(value: unknown): value is Resolver {
  if (!isObject(value) || typeof value.watch !== 'function') return false;
  const { schemes } = value;
  return (
    Array.isArray(schemes) && schemes.length > 0 && schemes.every((scheme) => typeof scheme === 'string')
  );
}
