import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { KubernetesResolver } from 'nestjs-load-balancer/kubernetes';
import type { Subscription } from 'rxjs';
import { NEVER } from 'rxjs';
import { parseAllDocuments } from 'yaml';
import { parseKubernetesTarget } from '../../libs/load-balancer/src/discovery/kubernetes/kubernetes-target.js';
import { parseTarget } from '../../libs/load-balancer/src/discovery/target.js';
import { KubernetesApiDouble, pod, slice } from './support/kubernetes-api.js';

/** Milliseconds of `drainTimeout`, by default. */
const DRAIN = 10_000;

type Manifest = Readonly<Record<string, any>>;

function manifests(file: string): Manifest[] {
  const path = new URL(`../../deploy/kubernetes/${file}.yaml`, import.meta.url);
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

function one(list: readonly Manifest[], kind: string): Manifest {
  const found = list.filter((manifest) => manifest.kind === kind);
  expect(found).toHaveLength(1);
  return found[0]!;
}

const [providers, consumers, rbac] = [manifests('provider'), manifests('consumer'), manifests('rbac')];
const gateway = one(consumers, 'Deployment').spec.template.spec;
const cities = one(providers, 'Deployment').spec.template;
const service = one(providers, 'Service');

/** What the consumer's environment says. */
function target() {
  const { value } = gateway.containers[0].env.find(({ name }: Manifest) => name === 'LB_TARGET_CITIES');
  const parsed = parseTarget(value);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.value;
}

describe('the manifests of deploy/kubernetes', () => {
  let api: KubernetesApiDouble | undefined;
  let subscription: Subscription | undefined;
  afterEach(async () => {
    subscription?.unsubscribe();
    await api?.close();
  });

  it('allow the consumer what its resolver asks of the API server, and only reading', async () => {
    api = await KubernetesApiDouble.start();
    api.put(slice('cities-1', [pod('10.0.0.1')], { service: service.metadata.name }));
    const kubeconfig = api.kubeconfig();
    subscription = new KubernetesResolver({ kubeconfig }).watch(target(), NEVER).subscribe();
    while (api.watching === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const asked = new Set(api.requests.map(({ kind }) => kind));

    const role = one(rbac, 'Role');
    const binding = one(rbac, 'RoleBinding');
    expect(role.rules).toHaveLength(1);
    const { apiGroups, resources, verbs } = role.rules[0];
    expect([apiGroups, resources]).toEqual([['discovery.k8s.io'], ['endpointslices']]);
    expect(verbs).toEqual(expect.arrayContaining([...asked]));
    expect(['get', 'list', 'watch']).toEqual(expect.arrayContaining(verbs));
    expect(binding.roleRef).toMatchObject({ kind: 'Role', name: role.metadata.name });
    const account = one(rbac, 'ServiceAccount').metadata.name;
    expect(binding.subjects).toEqual([{ kind: 'ServiceAccount', name: account }]);
    expect(gateway.serviceAccountName).toBe(account);
  });

  it('name the same service and port on both sides', () => {
    const parsed = parseKubernetesTarget(target());
    expect(parsed).toMatchObject({ ok: true, value: { service: service.metadata.name } });
    const wanted = parsed.ok ? parsed.value.port : undefined;
    const servicePort = service.spec.ports.find(({ name }: Manifest) => name === wanted);
    const [container] = cities.spec.containers;
    const containerPort = container.ports.find(({ name }: Manifest) => name === servicePort.targetPort);
    expect(cities.metadata.labels).toMatchObject(service.spec.selector);
    const { value } = container.env.find(({ name }: Manifest) => name === 'PORT');
    expect(Number(value)).toBe(containerPort.containerPort);
    expect(container.readinessProbe.tcpSocket.port).toBe(containerPort.name);
  });

  it('leave a provider more time than its drain takes', () => {
    expect(cities.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(DRAIN);
  });
});
