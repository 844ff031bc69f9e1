/** The process in which one strategy picks: alone, so that V8 sees one strategy as it would in an application. */
import { Cluster } from '../../../libs/load-balancer/dist/cluster/cluster.js';
import { resolveEndpoint } from '../../../libs/load-balancer/dist/cluster/endpoint.js';
import { LocalityStrategy } from '../../../libs/load-balancer/dist/cluster/locality/locality-strategy.js';
import { DEFAULT_LOCALITY } from '../../../libs/load-balancer/dist/cluster/locality/places.js';
import { builtInStrategies } from '../../../libs/load-balancer/dist/strategies/registry.js';
import { answer, settings } from '../lib/ipc.mjs';

/** One node in this many is ill, so that working out who is eligible has something to do. */
const ILL = 10;
const WARM_UP_PICKS = 300_000;
/**
 * A power of two. Each call has a key of its own, for those that hash, and says what time it is, as the calls of a client do:
 * they look at the clock once, whatever the strategy.
 */
const CALLS = Array.from({ length: 1_024 }, (_, i) => ({
  pattern: { cmd: 'echo' },
  tried: undefined,
  hashKey: `customer-${i}`,
  now: 0,
}));

const { strategy: name } = settings();
const deps = { random: Math.random, now: () => performance.now() };
/** What was picked goes somewhere, or V8 might leave out the pick. */
let sink;

answer({
  /** Nanoseconds a pick, round by round: of the strategy alone, through the cluster, and where calls spill from their zone. */
  measure(nodes, { rounds, picks }) {
    const { strategy, cluster } = clusterOf(nodes);
    const { cluster: spilling } = clusterOf(nodes, 'z0');
    const pickers = { alone: strategy, cluster, spilling };
    const results = { alone: [], cluster: [], spilling: [] };
    for (const which of Object.keys(pickers)) timePicks(pickers[which], WARM_UP_PICKS);
    for (let round = 0; round < rounds; round++) {
      for (const which of Object.keys(pickers)) {
        report(which === 'spilling' ? spilling : cluster);
        results[which].push(timePicks(pickers[which], picks));
      }
    }
    return results;
  },
});

function timePicks(picker, picks) {
  const now = deps.now();
  for (const call of CALLS) call.now = now;
  const begin = process.hrtime.bigint();
  for (let i = 0; i < picks; i++) sink = picker.pick(CALLS[i & (CALLS.length - 1)]);
  const elapsed = Number(process.hrtime.bigint() - begin);
  if (sink === undefined) throw new Error(`${name} picked nothing`);
  return elapsed / picks;
}

/**
 * A cluster as `Upstream` makes it, its nodes connected and under some load.
 *
 * @param zone where the client stands: among a sixth of the nodes, for a third of the callers
 */
function clusterOf(count, zone) {
  const strategy = builtInStrategies[name](deps, {});
  const made = [strategy];
  const create = () => made.pop() ?? builtInStrategies[name](deps, {});
  const known = () => cluster.nodes.values();
  const cluster = new Cluster(
    {
      strategy: new LocalityStrategy(create, { ...DEFAULT_LOCALITY, zone }, { known, random: deps.random }),
      panicThreshold: 50,
      probed: true,
      ejection: false,
      clock: { now: deps.now, wall: Date.now },
      random: deps.random,
    },
    { onAdded() {}, onRemoved() {}, onStatus() {}, onPanic() {} },
  );
  cluster.apply(Array.from({ length: count }, (_, i) => endpoint(i)));
  [...cluster.nodes.values()].forEach((node, i) => {
    node.setConnection('connected', 'connected');
    node.setProbe(i % ILL === ILL - 1 ? 'unhealthy' : 'healthy', 'as the benchmark has it');
    for (let calls = i % 4; calls > 0; calls--) node.begin();
    node.begin();
    node.end('answered', 1 + (i % 7));
  });
  if (!cluster.available) throw new Error('no node is eligible');
  return { strategy, cluster };
}

/** Every node tells its load, for those that go by it. It is fresh for longer than a round takes. */
function report(cluster) {
  let i = 0;
  for (const node of cluster.nodes.values()) {
    node.setLoad({ inFlight: i % 4, latency: 1 + (i % 7), rate: 100 + i, utilization: 0.5 });
    cluster.observe(node);
    i++;
  }
}

function endpoint(i) {
  return resolveEndpoint({
    host: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 4_001,
    weight: 1 + (i % 3),
    zone: `z${[0, 1, 1, 1, 2, 2][i % 6]}`,
  });
}
