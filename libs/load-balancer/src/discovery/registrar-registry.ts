import { didYouMean } from '../nearest.js';
import { consulRegistrationProblem } from './consul/consul-target.js';
import { etcdRegistrarProblem } from './etcd/etcd-target.js';
import { LazyRegistrar } from './lazy-registrar.js';
import { parsed, refused, type Parsed } from './parsed.js';
import type { Registrar } from './registrar.js';
import type { Target } from './resolver.js';
import { parseTarget } from './target.js';

/** A target to register with, and the registrar that understands it. */
export interface RegistrarSource {
  readonly target: Target;
  readonly registrar: Registrar;
}

const ETCD = new LazyRegistrar({
  schemes: ['etcd'],
  needs: 'etcd3',
  validate: etcdRegistrarProblem,
  load: async () => new (await import('./etcd/etcd.registrar.js')).EtcdRegistrar(),
});

const CONSUL = new LazyRegistrar({
  schemes: ['consul'],
  needs: 'consul',
  validate: consulRegistrationProblem,
  load: async () => new (await import('./consul/consul.registrar.js')).ConsulRegistrar(),
});

/** The registrars by scheme: the built-in ones, and the user's, which win. */
export class RegistrarRegistry {
  private readonly byScheme = new Map<string, Registrar>();

  constructor(registrars: readonly Registrar[] = []) {
    for (const registrar of [ETCD, CONSUL, ...registrars]) {
      for (const scheme of registrar.schemes) this.byScheme.set(scheme.toLowerCase(), registrar);
    }
  }

  /**
   * Finds the registrar of a target, and refuses a target that can never work. Neither throws nor shows credentials.
   *
   * @param params those the target has unless it says otherwise
   */
  find(text: string, params: Readonly<Record<string, string>> = {}): Parsed<RegistrarSource> {
    const uri = parseTarget(text);
    if (!uri.ok) return uri;
    const target = { ...uri.value, params: { ...params, ...uri.value.params } };
    const registrar = this.byScheme.get(target.scheme);
    if (!registrar) {
      const schemes = [...this.byScheme.keys()];
      const known = schemes.map((scheme) => `${scheme}://`).join(', ');
      const hint = didYouMean(target.scheme, schemes);
      return refused(`nobody can register with "${target.uri}" (known: ${known})${hint}`);
    }
    const problem = validate(registrar, target);
    return problem === undefined ? parsed({ target, registrar }) : refused(`${problem}, in "${target.uri}"`);
  }
}

/** A user's `validate` that throws has found something wrong, too. */
function validate(registrar: Registrar, target: Target): string | undefined {
  try {
    return registrar.validate?.(target);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
