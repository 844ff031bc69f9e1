import { defer, from, switchMap, type Observable } from 'rxjs';
import { missingPackageProblem } from './installed-package.cjs';
import type { Resolver, ResolverEmission, Target } from './resolver.js';

/** What is known of a resolver before its code and its optional peer dependency are loaded. */
export interface LazyResolverSettings {
  readonly schemes: readonly string[];
  /** The optional peer dependency that it needs. */
  readonly needs: string;
  /** Refuses a target that can never work. */
  readonly validate: (target: Target) => string | undefined;
  readonly load: () => Promise<Resolver>;
}

/**
 * A resolver whose code is loaded with the first target that needs it, so that a target's URI alone is enough to use it and
 * nobody pays for those that are not used.
 */
export class LazyResolver implements Resolver {
  readonly schemes: readonly string[];

  constructor(private readonly settings: LazyResolverSettings) {
    this.schemes = settings.schemes;
  }

  validate(target: Target): string | undefined {
    const { needs, validate } = this.settings;
    return missingPackageProblem(`${target.scheme}://`, needs) ?? validate(target);
  }

  watch(target: Target, refresh: Observable<void>): Observable<ResolverEmission> {
    return defer(() => from(this.settings.load())).pipe(
      switchMap((resolver) => resolver.watch(target, refresh)),
    );
  }
}
