import { bold, cross, dim, green, red, tick } from './terminal.mjs';

/** What the tour promises, and whether it held. */
export class Checklist {
  #checks = [];

  /** @param {string} detail what was seen instead, when it did not hold */
  expect(promise, held, detail = '') {
    this.#checks.push({ promise, held, detail });
  }

  get held() {
    return this.#checks.every(({ held }) => held);
  }

  lines() {
    const broken = this.#checks.filter(({ held }) => !held).length;
    return [
      ...this.#checks.map(
        ({ promise, held, detail }) => ` ${held ? tick : cross} ${promise}${held ? '' : dim(`: ${detail}`)}`,
      ),
      broken === 0
        ? bold(green(` All ${this.#checks.length} held.`))
        : bold(red(` ${broken} of ${this.#checks.length} did not hold.`)),
    ];
  }
}
