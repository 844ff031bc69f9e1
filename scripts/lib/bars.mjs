import { blue, count, cyan, dim, magenta, pad, red } from './terminal.mjs';

const WIDTH = 36;
const COLOURS = [cyan, magenta, blue];

/**
 * How the calls spread over the nodes.
 *
 * @param {readonly string[]} nodes
 * @param {import('./gateway.mjs').Traffic} traffic
 * @param {{ total: number, down?: string }} options calls that the whole width of all bars stands for; a node that is down
 */
export function bars(nodes, traffic, { total, down }) {
  return nodes.map((node, i) => {
    if (node === down) return `     ${pad(node, 8)} ${red('down')}`;
    const calls = traffic.byNode.get(node) ?? 0;
    // Half of all calls fills the width: with three nodes, none gets more as long as two are up.
    const filled = Math.min(WIDTH, Math.round((calls / total) * 2 * WIDTH));
    const bar = COLOURS[i % COLOURS.length]('█'.repeat(filled));
    const share = calls === 0 ? '' : dim(`${((calls / total) * 100).toFixed(1)} %`);
    return `     ${pad(node, 8)} ${pad(bar, WIDTH)} ${count(calls).padStart(5)}  ${share}`;
  });
}
