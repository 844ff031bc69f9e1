import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RegistrationKeeper } from './registration-keeper.js';
import type { Target } from '../../discovery/resolver.js';
import { parseTarget } from '../../discovery/target.js';
import { AgentDouble } from '../../discovery/consul/agent-double.spec.fixture.js';
import { ConsulRegistrar } from '../../discovery/consul/consul.registrar.js';

let agent: AgentDouble;
let keeper: RegistrationKeeper;

beforeEach(async () => {
  agent = await AgentDouble.listen();
  keeper = keeperOf(targetOf(agent.port));
  keeper.start();
});
afterEach(() => agent.close());

const REGISTER = '/v1/agent/service/register';
const DEREGISTER = '/v1/agent/service/deregister/orders-10.0.0.1-4001';

function targetOf(port: number): Target {
  const target = parseTarget(`consul://127.0.0.1:${port}/orders`);
  if (!target.ok) throw new Error(target.problem);
  return target.value;
}

function keeperOf(target: Target): RegistrationKeeper {
  return new RegistrationKeeper(
    'orders',
    { target, registrar: new ConsulRegistrar({ tls: false }) },
    {
      describe: () => Promise.resolve({ service: 'orders', host: '10.0.0.1', port: 4_001 }),
      logger: { log: () => undefined, warn: () => undefined },
      random: Math.random,
      now: () => performance.now(),
      wall: Date.now,
      schedule: (callback, delay) => {
        const timer = setTimeout(callback, delay);
        return () => clearTimeout(timer);
      },
    },
  );
}

describe('a provider that stops while it registers with Consul', () => {
  it('is taken off after the agent has registered it, before it has stopped', async () => {
    const registering = await agent.next();
    expect(registering.path).toBe(REGISTER);
    let hasStopped = false;
    const stopped = keeper.stop().then(() => (hasStopped = true));
    registering.answer('');
    const leaving = await agent.next();
    expect(leaving.path).toBe(DEREGISTER);
    expect(hasStopped).toBe(false);
    leaving.answer('');
    await stopped;
    expect(agent.requests).toHaveLength(2);
  });

  it('is taken off, too, when the agent does not say whether it has registered it', async () => {
    const registering = await agent.next();
    const stopped = keeper.stop();
    await agent.hungUp(registering);
    const leaving = await agent.next();
    expect(leaving.path).toBe(DEREGISTER);
    leaving.answer('');
    await stopped;
  });

  it('is not taken off when the agent has refused it', async () => {
    const registering = await agent.next();
    const stopped = keeper.stop();
    registering.response.writeHead(403).end('Permission denied');
    await stopped;
    expect(agent.requests).toHaveLength(1);
  });
});
