import { describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { InvalidOptionsError } from '../../errors.js';
import { KubernetesResolver } from './kubernetes.resolver.js';

describe('the options of KubernetesResolver', () => {
  it.each<[unknown, string[]]>([
    // It would be the default cluster that is used, and nobody would know.
    [{ kubeConfig: '/x' }, ['kubeConfig: unknown option; did you mean "kubeconfig"?']],
    [
      { kubeconfig: 5, contxt: 'a' },
      [
        'kubeconfig: expected the path of a file or a KubeConfig, got 5',
        'contxt: unknown option; did you mean "context"?',
      ],
    ],
    [
      { kubeconfig: {}, context: '' },
      [
        'kubeconfig: expected the path of a file or a KubeConfig, got an object',
        'context: expected a string that is not empty, got an empty string',
      ],
    ],
  ])('may not be %j', (options, problems) => {
    const make = () => new KubernetesResolver(options as never);
    expect(make).toThrow(InvalidOptionsError);
    for (const problem of problems) expect(make).toThrow(`KubernetesResolver.${problem}`);
  });

  it('may be a path or a KubeConfig, and a context', () => {
    expect(() => [
      new KubernetesResolver(),
      new KubernetesResolver({ kubeconfig: '/etc/lb/kubeconfig', context: 'staging' }),
      new KubernetesResolver({ kubeconfig: new KubeConfig() }),
    ]).not.toThrow();
  });
});
