import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { root } from '../../../scripts/lib/workspace.mjs';

/** Microseconds between two samples. */
const SAMPLING_INTERVAL = 200;

/** Who a function belongs to, by the first that fits its place. */
const OWNERS = [
  ['garbage collection', /^\(garbage collector\)$/],
  // `dispatch` is the inspector's.
  ['the profiler', /^dispatch$/],
  ['ours', /^libs\/load-balancer\//],
  ['the benchmark itself', /^test\/bench\//],
  ['Nest', /node_modules\/@nestjs\//],
  ['rxjs', /node_modules\/rxjs\//],
  ['Node', /^node:/],
  // What has no place is compiled into Node; a write is in the function that asks the system for it.
  ['native code and system calls', /^[^/]*$/],
];

/**
 * Begins the CPU profile of this process: unlike with `node --cpu-prof`, start and warm-up are not in it.
 *
 * @returns {Promise<() => Promise<Profile>>} what ends it
 *
 * @typedef {{ name: string, place: string, owner: string, self: number }} ProfiledFunction `self` in microseconds
 * @typedef {{ file: string, functions: ProfiledFunction[] }} Profile the longest first, without idle time; `file` is for Chrome's DevTools
 */
export async function startProfile() {
  const session = new Session();
  session.connect();
  const post = promisify(session.post.bind(session));
  await post('Profiler.enable');
  await post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL });
  await post('Profiler.start');
  return async () => {
    const { profile } = await post('Profiler.stop');
    session.disconnect();
    const file = join(tmpdir(), `load-balancer-bench-${process.pid}.cpuprofile`);
    writeFileSync(file, JSON.stringify(profile));
    return { file, functions: selfTimes(profile) };
  };
}

/** Self time by owner, the longest first. @param {readonly ProfiledFunction[]} functions */
export function byOwner(functions) {
  const owners = new Map();
  for (const { owner, self } of functions) owners.set(owner, (owners.get(owner) ?? 0) + self);
  return [...owners].map(([owner, self]) => ({ owner, self })).sort((a, b) => b.self - a.self);
}

function selfTimes({ nodes, samples, timeDeltas }) {
  const selfOf = new Map();
  samples.forEach((id, i) => selfOf.set(id, (selfOf.get(id) ?? 0) + timeDeltas[i]));
  const functions = new Map();
  for (const { id, callFrame } of nodes) {
    const self = selfOf.get(id) ?? 0;
    const name = callFrame.functionName || '(anonymous)';
    if (self === 0 || name === '(idle)') continue;
    const place = placeOf(callFrame);
    const known = functions.get(`${name} ${place}`);
    if (known) known.self += self;
    else functions.set(`${name} ${place}`, { name, place, owner: ownerOf(name, place), self });
  }
  return [...functions.values()].sort((a, b) => b.self - a.self);
}

function placeOf({ url, lineNumber }) {
  if (url === '') return '';
  const file = url.startsWith('file:') ? fileURLToPath(url) : url;
  return `${file.startsWith('/') ? relative(root, file) : file}:${lineNumber + 1}`;
}

function ownerOf(name, place) {
  return OWNERS.find(([, pattern]) => pattern.test(place || name))?.[0] ?? 'other';
}
