import { describe, expect, it } from '@jest/globals';
import { loadCities } from './load-cities.js';
import { NearestIndex } from './nearest-index.js';
import { kilometresOfChord, toVector, type Coordinate, type Vector } from './sphere.js';

/** Mulberry32: the same points in every run. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomCoordinate(random: () => number): Coordinate {
  return { lat: random() * 180 - 90, lon: random() * 360 - 180 };
}

function shortestDistance(points: readonly Vector[], wanted: Coordinate): number {
  const [x, y, z] = toVector(wanted);
  let shortest = Infinity;
  for (const [px, py, pz] of points) {
    const chordSquared = (x - px) ** 2 + (y - py) ** 2 + (z - pz) ** 2;
    if (chordSquared < shortest) shortest = chordSquared;
  }
  return kilometresOfChord(shortest);
}

describe('NearestIndex', () => {
  it('finds what a search of every city finds, anywhere on Earth', () => {
    const cities = loadCities();
    const index = new NearestIndex(cities);
    const vectors = cities.map(toVector);
    const random = seeded(1);
    for (let i = 0; i < 200; i++) {
      const wanted = randomCoordinate(random);
      expect(index.find(wanted)?.distanceKm).toBe(shortestDistance(vectors, wanted));
    }
  });

  it('finds what a search of every point finds, for any number of points', () => {
    const random = seeded(2);
    for (let size = 1; size <= 60; size++) {
      const points = Array.from({ length: size }, () => randomCoordinate(random));
      const index = new NearestIndex(points);
      const vectors = points.map(toVector);
      for (let i = 0; i < 20; i++) {
        const wanted = randomCoordinate(random);
        expect(index.find(wanted)?.distanceKm).toBe(shortestDistance(vectors, wanted));
      }
    }
  });

  it('finds each of its own points, many of which share a coordinate', () => {
    const random = seeded(3);
    const points = Array.from({ length: 500 }, () => ({
      lat: Math.round(random() * 4),
      lon: Math.round(random() * 4),
    }));
    const index = new NearestIndex(points);
    for (const point of points) expect(index.find(point)).toEqual({ point, distanceKm: 0 });
  });

  it('looks across the antimeridian', () => {
    const beyond = { lat: 0, lon: -179.9 };
    const index = new NearestIndex([{ lat: 0, lon: 178 }, beyond, { lat: 0, lon: 0 }]);
    expect(index.find({ lat: 0, lon: 179.9 })?.point).toBe(beyond);
  });

  it('looks across the poles', () => {
    const beyond = { lat: 89, lon: 180 };
    const index = new NearestIndex([{ lat: 85, lon: 0 }, beyond, { lat: 86, lon: 90 }]);
    expect(index.find({ lat: 89, lon: 0 })?.point).toBe(beyond);
    expect(index.find({ lat: 90, lon: 123 })?.point).toBe(beyond);
  });

  it('finds nothing among no points', () => {
    expect(new NearestIndex([]).find({ lat: 0, lon: 0 })).toBeUndefined();
  });
});
