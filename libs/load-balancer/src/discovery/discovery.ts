import { endpointKey, type ResolvedEndpoint } from '../cluster/endpoint.js';
import type { DiscoverySnapshot, TargetSnapshot } from '../cluster/snapshot.js';
import { SYSTEM_TIME } from '../time-source.js';
import { Resolution, type ResolutionDeps } from './resolution.js';
import type { TargetSource } from './resolver-registry.js';

export interface DiscoveryListener {
  /** The nodes of all targets together; never empty. */
  onEndpoints(endpoints: readonly ResolvedEndpoint[]): void;
  /** A target has told a set that differs from its last one, or gives one again after a failure. */
  onResolved(target: string, nodes: number): void;
  /** A target fails from now on, or for another reason than before; its last set stays in force. */
  onFailure(target: string, reason: string): void;
  /** Part of a target's set cannot be used, or is missing. */
  onWarning(target: string, warning: string): void;
}

/** Priorities of one target: 0–65 535, as an endpoint may have them. */
const BAND = 65_536;
/**
 * Milliseconds that the targets before it may take for their first answer before the nodes of a fallback are used: time to ask a
 * registry that is there, and little beside the timeout of a call where one is silent.
 */
const HEAD_START = 1_000;

/**
 * Finds the nodes of one service: runs each of its targets for itself, with a last good set, back-off and state of its own,
 * and puts their nodes together. The targets are an order of fallback, told by priority: those of the first are 0–65 535, those
 * of the next 65 536–131 071, and so on. A node that several of them have counts as the first one's.
 */
export class Discovery {
  private readonly resolutions: readonly Resolution[];
  private readonly sets: (readonly ResolvedEndpoint[])[];
  private cancelHeadStart: (() => void) | undefined;
  private headStartOver = false;

  constructor(
    sources: readonly TargetSource[],
    private readonly listener: DiscoveryListener,
    private readonly deps: ResolutionDeps = SYSTEM_TIME,
  ) {
    this.sets = sources.map(() => []);
    this.resolutions = sources.map((source, band) => this.resolution(source, band));
  }

  /** Is there a target that has neither told its first nodes nor failed? */
  get starting(): boolean {
    return this.resolutions.some(({ isStarting }) => isStarting);
  }

  /** Begins to look for nodes, once. A single static target has told its nodes when this returns. */
  start(): void {
    if (this.resolutions.length > 1) {
      this.cancelHeadStart = this.deps.setTimer(() => {
        this.headStartOver = true;
        this.tellEndpoints();
      }, HEAD_START);
    }
    for (const resolution of this.resolutions) resolution.start();
  }

  /** Asks every resolver to look again. */
  refresh(): void {
    for (const resolution of this.resolutions) resolution.refresh();
  }

  snapshot(): DiscoverySnapshot {
    const targets = this.resolutions.map((resolution) => resolution.snapshot());
    const [only] = targets;
    return only && targets.length === 1 ? { ...withoutNodes(only), targets } : summary(targets);
  }

  /** Ends every watch, for good. */
  close(): void {
    this.cancelHeadStart?.();
    for (const resolution of this.resolutions) resolution.close();
  }

  private resolution(source: TargetSource, band: number): Resolution {
    const { uri } = source.target;
    return new Resolution(
      source,
      {
        onEndpoints: (endpoints) => {
          this.sets[band] = band === 0 ? endpoints : endpoints.map((endpoint) => inBand(endpoint, band));
          this.tellEndpoints();
          this.listener.onResolved(uri, endpoints.length);
        },
        onRecovered: () => this.listener.onResolved(uri, this.sets[band]?.length ?? 0),
        onFailure: (reason) => {
          // Those that come after it need not wait for it any longer.
          this.tellEndpoints();
          this.listener.onFailure(uri, reason);
        },
        onWarning: (warning) => this.listener.onWarning(uri, warning),
      },
      this.deps,
    );
  }

  private tellEndpoints(): void {
    const waitedFor = this.headStartOver ? -1 : this.resolutions.findIndex(({ isStarting }) => isStarting);
    const sets = waitedFor === -1 ? this.sets : this.sets.slice(0, waitedFor);
    const endpoints = merged(sets);
    if (endpoints.length > 0) this.listener.onEndpoints(endpoints);
  }
}

function inBand(endpoint: ResolvedEndpoint, band: number): ResolvedEndpoint {
  return { ...endpoint, priority: band * BAND + endpoint.priority };
}

function merged(sets: readonly (readonly ResolvedEndpoint[])[]): readonly ResolvedEndpoint[] {
  const told = sets.filter((set) => set.length > 0);
  if (told.length <= 1) return told[0] ?? [];
  const byKey = new Map<string, ResolvedEndpoint>();
  for (const endpoint of told.flat()) {
    const key = endpointKey(endpoint);
    if (!byKey.has(key)) byKey.set(key, endpoint);
  }
  return [...byKey.values()];
}

function withoutNodes({
  target,
  state,
  lastSuccess,
  age,
  error,
  warning,
}: TargetSnapshot): Omit<TargetSnapshot, 'nodes'> {
  return { target, state, lastSuccess, age, error, warning };
}

function summary(targets: readonly TargetSnapshot[]): DiscoverySnapshot {
  const latest = targets.reduce((a, b) => (Number(b.lastSuccess ?? 0) > Number(a.lastSuccess ?? 0) ? b : a));
  const has = (state: TargetSnapshot['state']): boolean => targets.some((target) => target.state === state);
  return {
    target: targets.map(({ target }) => target).join(' | '),
    state: has('failing') ? 'failing' : has('starting') ? 'starting' : 'ok',
    lastSuccess: latest.lastSuccess,
    age: latest.age,
    error: joined(targets, 'error'),
    warning: joined(targets, 'warning'),
    targets,
  };
}

function joined(targets: readonly TargetSnapshot[], what: 'error' | 'warning'): string | undefined {
  const told = targets.filter((target) => target[what] !== undefined);
  return told.length === 0 ? undefined : told.map((target) => `${target.target}: ${target[what]}`).join('; ');
}
