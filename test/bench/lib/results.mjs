import { summary } from './stats.mjs';

/** All that was measured, to be asked for what the reports show. */
export class Results {
  /** @type {import('./rounds.mjs').Measurement[]} */
  #measurements = [];

  add(measurement) {
    this.#measurements.push(measurement);
  }

  get rounds() {
    return Math.max(0, ...this.#measurements.map(({ round }) => round));
  }

  /** The cells that were measured, in the order of the plan. */
  cells() {
    const cells = new Map(
      this.#measurements.map(({ payload, inFlight }) => [`${payload} ${inFlight}`, { payload, inFlight }]),
    );
    return [...cells.values()];
  }

  /** The kinds that were measured in a cell, out of `kinds` and in their order. */
  kinds(cell, kinds) {
    return kinds.filter((kind) => this.values(cell, kind, 'clientCpu').length > 0);
  }

  /** What was measured, in the order of the rounds. */
  values(cell, kind, field) {
    return this.#of(cell, kind).map((measurement) => measurement[field]);
  }

  /** Median and spread of the rounds; `undefined` when it was not measured. */
  summary(cell, kind, field) {
    const values = this.values(cell, kind, field);
    return values.length === 0 ? undefined : summary(values);
  }

  /** Median and spread of the ratios within each round; `undefined` when one of the two was not measured. */
  ratio(cell, kind, base, field) {
    const bases = new Map(this.#of(cell, base).map((measurement) => [measurement.round, measurement[field]]));
    const ratios = this.#of(cell, kind)
      .filter(({ round }) => bases.has(round))
      .map((measurement) => measurement[field] / bases.get(measurement.round));
    return ratios.length === 0 ? undefined : summary(ratios);
  }

  #of({ payload, inFlight }, kind) {
    return this.#measurements
      .filter((each) => each.kind === kind && each.payload === payload && each.inFlight === inFlight)
      .sort((a, b) => a.round - b.round);
  }
}
