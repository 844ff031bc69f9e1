import { describe, expect, it } from '@jest/globals';
import { parseTarget } from '../target.js';
import { kubernetesTargetProblem, parseKubernetesTarget } from './kubernetes-target.js';

function target(uri: string) {
  const result = parseTarget(uri);
  if (!result.ok) throw new Error(result.problem);
  return result.value;
}

describe('a Kubernetes target', () => {
  it.each([
    ['k8s:///shop/orders:tcp', { namespace: 'shop', service: 'orders', port: 'tcp', family: 'IPv4' }],
    ['k8s:///shop/orders:4001', { namespace: 'shop', service: 'orders', port: 4_001 }],
    ['k8s:///orders:tcp-2', { namespace: undefined, service: 'orders', port: 'tcp-2' }],
    ['k8s:///a/b:c?context=staging&family=6', { context: 'staging', family: 'IPv6' }],
  ])('is read from %s', (uri, expected) => {
    expect(parseKubernetesTarget(target(uri))).toMatchObject({ ok: true, value: expected });
  });

  it.each([
    ['k8s://shop/orders:tcp', 'the namespace follows a third slash (k8s:///namespace/service:port)'],
    ['k8s:///orders', 'expected k8s:///namespace/service:port'],
    ['k8s:///a/b/c:tcp', 'expected k8s:///namespace/service:port'],
    ['k8s:///shop/Orders:tcp', 'service: expected a name of Kubernetes'],
    ['k8s:////orders:tcp', 'namespace: expected a name of Kubernetes'],
    ['k8s:///shop%2F../orders:tcp', 'expected k8s:///namespace/service:port'],
    ['k8s:///shop/:tcp', 'service: expected'],
    ['k8s:///shop/orders:', 'port: expected a number or the name of a port'],
    ['k8s:///shop/orders:0', 'port out of range: 0'],
    ['k8s:///shop/orders:70000', 'port out of range: 70000'],
    ['k8s:///shop/orders:tcp?family=IPv6', 'family: expected 4 or 6, got "IPv6"'],
    ['k8s:///shop/orders:tcp?context=', 'context: expected the name of a context'],
    [
      'k8s:///shop/orders:tcp?namespace=a',
      'unknown parameter "namespace" for k8s:// (known: context, family)',
    ],
  ])('is refused when it can never work: %s', (uri, problem) => {
    expect(kubernetesTargetProblem(target(uri))).toContain(problem);
  });
});
