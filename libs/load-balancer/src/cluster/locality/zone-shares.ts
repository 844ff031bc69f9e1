/** What zone-aware routing needs to know. */
export interface ZoneSituation {
  /** Where this client stands. */
  readonly ownZone: string | undefined;
  /** Healthy nodes by zone; those without one are under `NO_ZONE`. */
  readonly healthy: ReadonlyMap<string, number>;
  /** How the callers of the service are spread over the zones, in any unit; evenly over those of its nodes by default. */
  readonly callers?: ReadonlyMap<string, number> | undefined;
}

/** Where nodes stand that do not tell. No caller is there, so they carry what zones with too few nodes pass on. */
export const NO_ZONE = '';

/** Envoy's `min_cluster_size`: with fewer nodes, a zone has too few of them to be alone with its callers. */
export const FEWEST_NODES = 6;

/**
 * Which share (0–1) of its calls a client sends to each zone, as Envoy's zone-aware routing computes it: all to its own
 * zone while that has at least the part of the nodes that it has of the callers; else as much as its nodes can carry, and
 * the rest to zones that have more nodes than callers, by how many more. So calls stay in their zone, and every node still
 * gets the same number of them.
 *
 * `undefined`: zones do not matter, since there are too few nodes, only one zone, or none where the client is.
 */
export function zoneShares(
  { ownZone, healthy, callers }: ZoneSituation,
  fewestNodes: number = FEWEST_NODES,
): Map<string, number> | undefined {
  const nodes = total(healthy.values());
  if (ownZone === undefined || nodes < fewestNodes || healthy.size < 2) return undefined;
  const ofNodes = (healthy.get(ownZone) ?? 0) / nodes;
  if (ofNodes === 0) return undefined;

  const zones = [...healthy.keys()];
  const spread = callers ?? new Map(zones.filter((zone) => zone !== NO_ZONE).map((zone) => [zone, 1]));
  const all = total(spread.values());
  const callersOf = (zone: string): number => (all === 0 ? 0 : (spread.get(zone) ?? 0) / all);
  const own = callersOf(ownZone);
  if (ofNodes >= own) return new Map([[ownZone, 1]]);

  const kept = ofNodes / own;
  const spare = new Map(
    zones.map((zone) => [zone, Math.max(0, (healthy.get(zone) ?? 0) / nodes - callersOf(zone))]),
  );
  const allSpare = total(spare.values());
  const shares = new Map([[ownZone, kept]]);
  for (const [zone, part] of spare) {
    if (part > 0) shares.set(zone, ((1 - kept) * part) / allSpare);
  }
  return shares;
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
