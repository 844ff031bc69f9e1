/**
 * Runs etcd as a child of this process, which ends with the script that started it, whatever way that is: etcd would stay.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const { binary, client, peer, data } = JSON.parse(process.env.ETCD_CONFIG);
const url = (port) => `http://127.0.0.1:${port}`;

const etcd = spawn(
  binary,
  [
    `--data-dir=${data}`,
    `--listen-client-urls=${url(client)}`,
    `--advertise-client-urls=${url(client)}`,
    `--listen-peer-urls=${url(peer)}`,
    `--initial-advertise-peer-urls=${url(peer)}`,
    `--initial-cluster=default=${url(peer)}`,
    '--log-level=warn',
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
etcd.once('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
etcd.once('exit', (code) => process.exit(code ?? 1));
process.once('SIGTERM', () => process.exit(0));
process.once('exit', () => {
  etcd.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
});
