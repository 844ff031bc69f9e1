import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { root } from '../../../scripts/lib/workspace.mjs';

const PACKAGES = [
  'nestjs-load-balancer',
  '@nestjs/core',
  '@nestjs/microservices',
  'rxjs',
  '@grpc/grpc-js',
  'moleculer',
];

/** Where it was measured, line by line: what numbers from elsewhere must be told apart by. */
export function describeMachine() {
  const [cpu] = cpus();
  return {
    CPU: `${cpu.model.trim()}, ${cpus().length} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${type()} ${release()}, ${process.arch}`,
    Node: `${process.version} (V8 ${process.versions.v8})`,
    packages: PACKAGES.map((name) => `${name} ${versionOf(name)}`).join(', '),
    'load before': busy() ? `${load()}: this machine does something else, so only ratios count` : load(),
  };
}

/** Does something else take a good part of the machine? */
function busy() {
  return loadavg()[0] > cpus().length / 4;
}

function load() {
  return `${loadavg()[0].toFixed(2)} (average of the last minute)`;
}

function versionOf(name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}
