/** What zone-aware routing needs to know. */
export interface ZoneSituation {
  /** Where this client stands. */
  readonly ownZone: string;
  /** Healthy nodes by zone, at least one each; those without a zone are under `NO_ZONE`. */
  readonly healthy: ReadonlyMap<string, number>;
  /** How the callers of the service are spread over the zones, in any unit; evenly over those of its nodes by default. */
  readonly callers?: ReadonlyMap<string, number> | undefined;
}

/** Where nodes stand that do not tell. No caller is there, so they carry what zones with too few nodes pass on. */
export const NO_ZONE = '';

/**
 * Envoy's `min_cluster_size`: with fewer nodes, a zone has too few of them to be alone with its callers. Counted over the
 * nodes that discovery lists and not, as Envoy does, over the healthy ones, lest one ill node of six sent everybody's calls
 * everywhere.
 */
export const MIN_NODES = 6;

/**
 * Which share (0–1) of its calls a client sends to each zone, as Envoy's zone-aware routing computes it: all to its own
 * zone while that has at least the part of the nodes that it has of the callers; else as much as its nodes can carry, and
 * the rest to zones that have more nodes than callers, by how many more. So calls stay in their zone, and every node still
 * gets the same number of them.
 *
 * `undefined`: zones do not matter, since there is only one, or no node where the client is.
 */
export function zoneShares({ ownZone, healthy, callers }: ZoneSituation): Map<string, number> | undefined {
  const ownNodes = healthy.get(ownZone);
  if (ownNodes === undefined || healthy.size < 2) return undefined;
  const nodes = total(healthy.values());
  const ofNodes = ownNodes / nodes;

  const zones = [...healthy.keys()];
  const spread = callers ?? new Map(zones.filter((zone) => zone !== NO_ZONE).map((zone) => [zone, 1]));
  const all = total(spread.values());
  const callersOf = (zone: string): number => (spread.get(zone) ?? 0) / all;
  const own = callersOf(ownZone);
  if (ofNodes >= own) return new Map([[ownZone, 1]]);

  const kept = ofNodes / own;
  const spare = zones.map(
    (zone) => [zone, Math.max(0, (healthy.get(zone) ?? 0) / nodes - callersOf(zone))] as const,
  );
  const allSpare = total(spare.map(([, part]) => part));
  const shares = new Map([[ownZone, kept]]);
  for (const [zone, part] of spare) if (part > 0) shares.set(zone, ((1 - kept) * part) / allSpare);
  return shares;
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
