import { BASELINE, KINDS } from '../kinds/index.mjs';
import { judgeBars } from './bars.mjs';
import { cellName, number, ratio, spread, times } from './format.mjs';

const NAMES = Object.keys(KINDS);

/** Whether each bar holds. @returns {import('./table.mjs').Table} */
export function barsTable(results) {
  return {
    title: 'What the fast path must reach (medians are judged)',
    columns: ['what', 'of', 'against', 'at most', 'measured', 'holds'],
    rows: judgeBars(results).map(({ what, kind, base, limit, ratio: measured, holds }) => [
      what,
      `\`${kind}\``,
      `\`${base}\``,
      times(limit),
      measured ? ratio(measured) : 'not measured',
      verdict(measured, holds, limit),
    ]),
  };
}

/** A table for each cell: medians and spread of every kind. @returns {import('./table.mjs').Table[]} */
export function cellTables(results) {
  return results.cells().map((cell) => ({
    title: cellName(cell),
    columns: [
      'client',
      'client µs a call',
      `against ${BASELINE}`,
      'servers µs a call',
      'p50 ms',
      'p99 ms',
      'calls/s',
    ],
    rows: results.kinds(cell, NAMES).map((kind) => {
      const of = (field) => results.summary(cell, kind, field);
      return [
        `\`${kind}\``,
        spread(of('clientCpu')),
        ratio(results.ratio(cell, kind, BASELINE, 'clientCpu')),
        spread(of('serverCpu')),
        number(of('p50').median),
        number(of('p99').median),
        number(of('rate').median),
      ];
    }),
  }));
}

/** Every round of a cell, CPU of the client / of the servers. @returns {import('./table.mjs').Table[]} */
export function roundTables(results) {
  return results.cells().map((cell) => {
    const kinds = results.kinds(cell, NAMES);
    const rounds = Array.from({ length: results.rounds }, (_, i) => i);
    return {
      title: cellName(cell),
      columns: ['client', ...rounds.map((i) => `round ${i + 1}`)],
      rows: kinds.map((kind) => {
        const servers = results.values(cell, kind, 'serverCpu');
        const clients = results.values(cell, kind, 'clientCpu');
        return [
          `\`${kind}\``,
          ...rounds.map((i) => (i < clients.length ? `${number(clients[i])} / ${number(servers[i])}` : '–')),
        ];
      }),
    };
  });
}

function verdict(measured, holds, limit) {
  if (!measured) return '–';
  return holds ? 'yes' : `no: ${Math.round((measured.median / limit - 1) * 100)} % over`;
}
