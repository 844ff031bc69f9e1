/** The mean radius of the Earth in kilometres (IUGG). */
const EARTH_RADIUS_KM = 6371.0088;
const RADIANS_PER_DEGREE = Math.PI / 180;

/** Degrees: latitude from -90 to 90, longitude from -180 to 180. */
export interface Coordinate {
  readonly lat: number;
  readonly lon: number;
}

/** A point on the unit sphere. */
export type Vector = readonly [x: number, y: number, z: number];

/**
 * In space instead of on the map there is no antimeridian and no pole: neighbours on Earth are neighbours here,
 * and of two points the one at the shorter chord is also the one at the shorter distance over ground.
 */
export function toVector({ lat, lon }: Coordinate): Vector {
  const phi = lat * RADIANS_PER_DEGREE;
  const lambda = lon * RADIANS_PER_DEGREE;
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** The distance over ground, from the square of the chord between two points of the unit sphere. */
export function kilometresOfChord(chordSquared: number): number {
  // Rounding can make the chord of two antipodes a little longer than the diameter.
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(chordSquared) / 2));
}
