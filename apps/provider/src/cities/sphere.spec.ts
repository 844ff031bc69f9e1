import { describe, expect, it } from '@jest/globals';
import { kilometresOfChord, toVector, type Coordinate } from './sphere.js';

function distance(a: Coordinate, b: Coordinate): number {
  const [p, q] = [toVector(a), toVector(b)];
  return kilometresOfChord((p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2);
}

describe('distance over the sphere', () => {
  it('is a degree of the great circle along the equator and along a meridian', () => {
    const degree = (2 * Math.PI * 6371.0088) / 360;
    expect(distance({ lat: 0, lon: 10 }, { lat: 0, lon: 11 })).toBeCloseTo(degree, 6);
    expect(distance({ lat: 45, lon: 10 }, { lat: 46, lon: 10 })).toBeCloseTo(degree, 6);
  });

  it('does not see the antimeridian', () => {
    expect(distance({ lat: 0, lon: 179.5 }, { lat: 0, lon: -179.5 })).toBeCloseTo(
      distance({ lat: 0, lon: 0 }, { lat: 0, lon: 1 }),
      6,
    );
  });

  it('is nothing between two longitudes of a pole', () => {
    expect(distance({ lat: 90, lon: 0 }, { lat: 90, lon: 137 })).toBeCloseTo(0, 6);
  });

  it('is half the circumference between antipodes', () => {
    expect(distance({ lat: 33, lon: 20 }, { lat: -33, lon: -160 })).toBeCloseTo(Math.PI * 6371.0088, 3);
  });

  it('is that between Paris and London', () => {
    expect(distance({ lat: 48.8566, lon: 2.3522 }, { lat: 51.5074, lon: -0.1278 })).toBeCloseTo(343.56, 1);
  });
});
