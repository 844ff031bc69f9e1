import { isObject, optionsProblems, someText, throwProblems, type OptionChecks } from '../check-options.js';
import type { KubernetesOptions } from './cluster-access.js';

const OPTIONS: OptionChecks<KubernetesOptions> = {
  // One of another copy of the client is one, too.
  kubeconfig: (value) =>
    (typeof value === 'string' && value !== '') ||
    (isObject(value) && typeof value.getCurrentCluster === 'function')
      ? undefined
      : 'the path of a file or a KubeConfig',
  context: someText,
};

/** @throws InvalidOptionsError with every problem */
export function checkKubernetesOptions(options: KubernetesOptions, path: string): void {
  throwProblems(optionsProblems(options, path, OPTIONS));
}
