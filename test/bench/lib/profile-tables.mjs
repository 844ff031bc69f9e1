import { number } from './format.mjs';
import { byOwner } from './profile.mjs';

/** Functions shown. */
const SHOWN = 40;

/**
 * Where the time of a process goes: by owner, then function by function. Samples are taken by the clock while it is not idle: on a
 * machine that is short of cores, being set aside counts too, mostly in the system calls that wake another process.
 *
 * @param {{ calls: number, profile: import('./profile.mjs').Profile }} profiled
 * @returns {import('./table.mjs').Table[]}
 */
export function profileTables({ calls, profile: { functions } }, title) {
  const total = functions.reduce((sum, { self }) => sum + self, 0);
  const figures = (self) => [number(self / calls), `${((self / total) * 100).toFixed(1)} %`];
  return [
    {
      title: `${title}: ${number(total / calls)} µs a call over ${number(calls)} calls, by the clock`,
      columns: ['whose', 'µs a call', 'share'],
      rows: byOwner(functions).map(({ owner, self }) => [owner, ...figures(self)]),
    },
    {
      title: `The ${SHOWN} functions with the longest self time`,
      columns: ['function', 'µs a call', 'share', 'where'],
      rows: functions.slice(0, SHOWN).map(({ name, place, self }) => [name, ...figures(self), place]),
    },
  ];
}
