import { DEFAULT_STRATEGY, KINDS } from '../kinds/index.mjs';
import { payloadSize } from './payloads.mjs';
import { barsTable, cellTables, roundTables } from './tables.mjs';
import { markdownTable } from './table.mjs';

/**
 * The report as it stands in `docs/benchmarks`.
 *
 * @param {{ date: string, command: string, machine: Record<string, string>, results: import('./results.mjs').Results, chart: string }} run
 */
export function markdownReport({ date, command, machine, results, chart }) {
  const bars = barsTable(results);
  return `# Benchmark of ${date}

\`${command}\`: ${results.rounds} rounds.

${Object.entries(machine)
  .map(([what, value]) => `- ${what}: ${value}`)
  .join('\n')}

![CPU of the client process a call](${chart})

## ${bars.title}

${markdownTable(bars)}

## How it was measured

- Four server processes of each kind on the loopback, and one fresh client process for each measurement. Rounds alternate the kinds, so
  that drift hits all of them alike; a ratio is taken within a round. Shown are medians of the rounds, with the lowest and highest.
- CPU is \`process.cpuUsage()\`, user and system, over a fixed number of calls after warming up and a garbage collection. That of the
  servers is the sum over the four.
- \`c\` is calls in flight: each answer starts the next call. Observables are subscribed to as they are, without \`firstValueFrom()\`.
- Payloads are echoed: small (${payloadSize('small')} B as JSON) and 4 KB (${payloadSize('4kb')} B, 40 structured items). The pattern is an
  object, \`{ cmd: 'echo' }\`: a plain string costs a stock server 13–15 µs more a call.
- CPU and its ratios are what to look at. Latencies and calls a second are weak evidence on a machine whose servers and client share
  its cores.
- A \`+context\` call is made in a request context of its own (request id, traceparent, deadline), which is forwarded. Ours otherwise runs
  with its defaults: ${DEFAULT_STRATEGY}, probes, a timeout of 5 s.

${markdownTable(kindsTable(results))}

## Medians

${cellTables(results).map(section).join('\n\n')}

## Every round

CPU of the client / of the servers, microseconds a call.

${roundTables(results).map(section).join('\n\n')}
`;
}

function section(table) {
  return `### ${table.title}\n\n${markdownTable(table)}`;
}

/** What the names stand for. */
function kindsTable(results) {
  const measured = Object.keys(KINDS).filter((kind) =>
    results.cells().some((cell) => results.kinds(cell, [kind]).length > 0),
  );
  return {
    title: '',
    columns: ['name', 'client'],
    rows: measured.map((kind) => [`\`${kind}\``, KINDS[kind].title]),
  };
}
