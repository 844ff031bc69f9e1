import type { Endpoint } from '../cluster/endpoint.js';
import { didYouMean } from '../nearest.js';
import { DnsResolver } from './dns/dns.resolver.js';
import { FileResolver } from './file.resolver.js';
import { parsed, refused, type Parsed } from './parsed.js';
import { registryResolvers } from './registry-resolvers.js';
import type { Resolver, Target } from './resolver.js';
import { fixedTarget, StaticResolver } from './static.resolver.js';
import { parseTarget } from './target.js';

/** A target, and the resolver that understands it. */
export interface TargetSource {
  readonly target: Target;
  readonly resolver: Resolver;
}

/** The resolvers by scheme: the built-in ones, and the user's, which win. */
export class ResolverRegistry {
  private readonly byScheme = new Map<string, Resolver>();

  constructor(resolvers: readonly Resolver[] = []) {
    const builtIn = [new StaticResolver(), new FileResolver(), new DnsResolver(), ...registryResolvers];
    for (const resolver of [...builtIn, ...resolvers]) {
      for (const scheme of resolver.schemes) this.byScheme.set(scheme.toLowerCase(), resolver);
    }
  }

  /** Finds the resolver of a target, and refuses a target that can never work. Neither throws nor shows credentials. */
  find(target: string | readonly Endpoint[]): Parsed<TargetSource> {
    if (typeof target !== 'string') return parsed(fixedTarget(target));
    const uri = parseTarget(target);
    if (!uri.ok) return uri;
    const resolver = this.byScheme.get(uri.value.scheme);
    if (!resolver) {
      const schemes = [...this.byScheme.keys()];
      const known = schemes.map((scheme) => `${scheme}://`).join(', ');
      const hint = didYouMean(uri.value.scheme, schemes);
      return refused(`unknown scheme in "${uri.value.uri}" (known: ${known})${hint}`);
    }
    const problem = validate(resolver, uri.value);
    return problem === undefined
      ? parsed({ target: uri.value, resolver })
      : refused(`${problem}, in "${uri.value.uri}"${thirdSlashHint(resolver, target)}`);
  }
}

/** Those whose targets begin with three slashes, unless they name a name server. */
const THREE_SLASHES = ['static', 'file', 'dns', 'dns+srv', 'k8s'];

/** `dns://localhost:4001` is likely to be meant as `dns:///localhost:4001`, when that would be right. */
function thirdSlashHint(resolver: Resolver, text: string): string {
  if (text.includes(':///') || text.includes('@')) return '';
  const uri = parseTarget(text.replace('://', ':///'));
  const isMeant =
    uri.ok && THREE_SLASHES.includes(uri.value.scheme) && validate(resolver, uri.value) === undefined;
  return isMeant ? `; did you mean "${uri.value.uri}"?` : '';
}

/** A user's `validate` that throws has found something wrong, too. */
function validate(resolver: Resolver, target: Target): string | undefined {
  try {
    return resolver.validate?.(target);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
