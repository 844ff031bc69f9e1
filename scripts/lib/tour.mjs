import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bars } from './bars.mjs';
import { Checklist } from './checklist.mjs';
import { freePorts } from './free-port.mjs';
import { Gateway, Traffic } from './gateway.mjs';
import { live } from './live.mjs';
import { bold, count, cyan, dim, duration, green, pad, red, yellow } from './terminal.mjs';
import { task } from './task.mjs';
import { root } from './workspace.mjs';

const NODES = ['node-1', 'node-2', 'node-3'];
const VICTIM = 'node-2';
const NEWCOMER = 'node-4';
const ETCD = fileURLToPath(new URL('run-etcd.mjs', import.meta.url));
/** Milliseconds for an app to start, and for a node to be found again. */
const PATIENCE = 30_000;

/** Three providers and the gateway as real processes, real traffic, one crash and one deploy. */
export class Tour {
  #processes;
  #ports;
  #etcd;
  #gatewayPort;
  #gateway;
  #checks = new Checklist();
  #calls = 0;
  #failures = new Set();

  /**
   * @param {import('./processes.mjs').Processes} processes
   * @param {{ gateway: number, nodes: readonly number[], etcd?: { binary: string, port: number } }} ports with `etcd`, the
   *   nodes register themselves, and the gateway knows none of their addresses
   */
  constructor(processes, ports) {
    this.#processes = processes;
    this.#ports = new Map([...NODES, NEWCOMER].map((node, i) => [node, ports.nodes[i]]));
    this.#etcd = ports.etcd;
    this.#gatewayPort = ports.gateway;
    this.#gateway = new Gateway(ports.gateway);
  }

  /** @returns whether all that it shows held */
  async run() {
    if (this.#etcd) await task('starting etcd', () => this.#startEtcd());
    await task('starting 3 providers and the gateway', () => this.#start());
    await this.#spread();
    await this.#crash();
    await this.#comeBack();
    await this.#deploy();
    if (this.#etcd) await this.#grow();
    this.#checks.expect(
      `${count(this.#calls)} calls, none failed`,
      this.#failures.size === 0,
      [...this.#failures].join('; '),
    );
    console.log(['', ...this.#checks.lines()].join('\n'));
    return this.#checks.held;
  }

  /** What to type next. */
  invitation() {
    const { url } = this.#gateway;
    return [
      '',
      ` ${bold('Up.')} Try, in another terminal:`,
      cyan(`   curl '${url}/nearest?lat=48.86&lon=2.35'`),
      cyan(`   curl '${url}/cities?prefix=par&limit=3'`),
      cyan(`   curl -N ${url}/countries/FR/cities`),
      cyan(`   curl ${url}/health`),
      dim(`   Logs: ${this.#processes.logs} · Ctrl-C ends every process.`),
    ];
  }

  async #start() {
    NODES.forEach((node) => this.#startNode(node));
    this.#processes.start('gateway', join(root, 'dist/apps/consumer/main.js'), {
      PORT: String(this.#gatewayPort),
      HOST: '127.0.0.1',
      LB_TARGET_CITIES: this.#target(),
    });
    const needs = ['gateway', ...NODES];
    const ready = async () => ((await this.#gateway.readiness()) === 200 ? true : undefined);
    await this.#processes.until('/health/ready answers 200', ready, { timeout: PATIENCE, needs });
    await this.#untilReady(NODES.length);
  }

  #startNode(node) {
    this.#processes.start(node, join(root, 'dist/apps/provider/main.js'), {
      PORT: String(this.#ports.get(node)),
      HOST: '127.0.0.1',
      NODE_NAME: node,
      ...(this.#etcd && { REGISTER: this.#target() }),
    });
  }

  /** Where the gateway finds the nodes, and where they register if they do. */
  #target() {
    if (this.#etcd) return `etcd://127.0.0.1:${this.#etcd.port}/cities`;
    const addresses = NODES.map((node) => `127.0.0.1:${this.#ports.get(node)}`);
    return `static:///${addresses.join(',')}`;
  }

  async #startEtcd() {
    const { binary, port } = this.#etcd;
    const [peer] = await freePorts(1);
    const config = { binary, client: port, peer, data: join(this.#processes.logs, 'etcd-data') };
    this.#processes.start('etcd', ETCD, {
      ETCD_CONFIG: JSON.stringify(config),
    });
    const ready = async () => ((await fetch(`http://127.0.0.1:${port}/health`)).ok ? true : undefined);
    await this.#processes.until('etcd answers', ready, { timeout: PATIENCE, needs: ['etcd'] });
  }

  async #spread() {
    headline(1, 'Calls spread over the nodes, round robin');
    const traffic = await this.#burst(3_000);
    const place = await this.#gateway.nearest(35.68, 139.76);
    console.log(
      dim(`     The city nearest to 35.68, 139.76 is ${place.city?.name}, says ${place.servedBy}.`),
    );
    this.#expectEven(traffic, NODES, 'before the crash');
  }

  async #crash() {
    headline(2, `${VICTIM} is killed in the middle of its work: ${red('kill -9')}`);
    const traffic = new Traffic();
    const calls = this.#burst(3_000, { traffic });
    while (traffic.total < 1_000) await sleep(5);
    const killed = performance.now();
    await this.#processes.kill(VICTIM);
    const telling = this.#processes
      .until('/health tells', () => this.#degraded(), { timeout: PATIENCE, needs: ['gateway'] })
      .catch(() => undefined)
      .then((told) => [told, performance.now() - killed]);
    await calls;
    const [health, after] = await telling;
    const lost = health?.nodes.find((node) => this.#isOf(node, VICTIM));
    if (health) {
      const told = `${yellow(health.status)}, ${health.ready} of ${health.total} ready`;
      console.log(`     /health ${dim(`after ${duration(after)}:`)} ${told}`);
      console.log(`     ${pad(VICTIM, 8)} ${red(lost.status)} ${dim(`(${lost.reason})`)}`);
    }
    this.#checks.expect(
      `/health told of the crash: degraded, ${VICTIM}, why`,
      health !== undefined && lost.reason !== '',
      'it stayed up',
    );
    console.log(
      dim('     What it had in flight was lost, and answered by another: its handlers are @Idempotent().'),
    );
    const survivors = NODES.filter((node) => node !== VICTIM);
    this.#expectEven(await this.#burst(3_000, { down: VICTIM }), survivors, 'after it');
  }

  async #comeBack() {
    headline(3, `${VICTIM} is started again`);
    const started = performance.now();
    this.#startNode(VICTIM);
    const line = () => `back in rotation ${dim(`after ${duration(performance.now() - started)}`)}`;
    const finish = live((frame) => [`     ${cyan(frame)} waiting for it`], '');
    const back = await this.#untilReady(NODES.length).then(
      () => true,
      (error) => error,
    );
    finish([`     ${back === true ? `${green(VICTIM)} is ${line()}` : red(back.message)}`]);
    this.#checks.expect(`${VICTIM} came back by itself`, back === true, back.message);
    this.#expectEven(await this.#burst(3_000), NODES, 'once it was back');
  }

  async #deploy() {
    headline(4, `A deploy: each in turn gets ${yellow('SIGTERM')}, ends, and is started again`);
    let deployed = false;
    const deploying = this.#restartEach().finally(() => (deployed = true));
    const traffic = new Traffic();
    const line = () => `${count(traffic.total)} calls meanwhile`;
    const finish = live((frame) => [`     ${cyan(frame)} ${line()}`], '');
    while (!deployed) await this.#gateway.burst(200, traffic);
    const notes = await deploying;
    this.#count(traffic);
    finish([
      ...notes.map((note) => `     ${note}`),
      `     ${line()}, ${outcome(traffic)} ${dim(`· 99 % within ${duration(traffic.p99)}`)}`,
      ...reasons(traffic),
    ]);
  }

  /** One more node, of which nobody has told the gateway. */
  async #grow() {
    headline(5, `${NEWCOMER} is started: it registers in etcd, and leaves again`);
    const traffic = new Traffic();
    let done = false;
    const growing = this.#comeAndGo(traffic).finally(() => (done = true));
    const line = () => `${count(traffic.total)} calls meanwhile`;
    const finish = live((frame) => [`     ${cyan(frame)} ${line()}`], '');
    while (!done) await this.#gateway.burst(200, traffic);
    const { called, gone } = await growing;
    this.#count(traffic);
    finish([
      `     ${green(NEWCOMER)} was called ${duration(called)} after it had registered`,
      `     and was gone from /health ${duration(gone)} after it had ended`,
      `     ${line()}, ${outcome(traffic)}`,
      ...reasons(traffic),
    ]);
    const expectSoon = (what, time) => this.#checks.expect(what, time < 1_000, duration(time));
    expectSoon(`${NEWCOMER} was called within 1 s of its registration`, called);
    expectSoon(`${NEWCOMER} vanished within 1 s of its end`, gone);
  }

  async #comeAndGo(traffic) {
    const timed = async (what, holds) => {
      const since = performance.now();
      const look = async () => ((await holds()) ? true : undefined);
      await this.#processes.until(what, look, { timeout: PATIENCE, needs: ['gateway', 'etcd', ...NODES] });
      return performance.now() - since;
    };
    this.#startNode(NEWCOMER);
    const registered = async () => this.#processes.lastWords(NEWCOMER, 100).includes('Registered cities');
    await timed(`${NEWCOMER} registers`, registered);
    const called = await timed(`${NEWCOMER} is called`, async () => traffic.byNode.has(NEWCOMER));
    await this.#processes.terminate(NEWCOMER);
    const isGone = async () => (await this.#gateway.health()).total === NODES.length;
    return { called, gone: await timed(`${NEWCOMER} is gone`, isGone) };
  }

  async #restartEach() {
    const notes = [];
    for (const node of NODES) {
      const told = performance.now();
      await this.#processes.terminate(node);
      const ended = performance.now();
      this.#startNode(node);
      await this.#untilReady(NODES.length);
      const back = performance.now();
      notes.push(
        `${pad(node, 8)} ended after ${duration(ended - told)}, ready again ${duration(back - ended)} later`,
      );
    }
    return notes;
  }

  async #burst(total, { down, traffic = new Traffic() } = {}) {
    const chart = () => bars(NODES, traffic, { total, down });
    const finish = live((frame) => [...chart(), `     ${cyan(frame)} ${count(traffic.total)} calls`], '');
    await this.#gateway.burst(total, traffic);
    this.#count(traffic);
    const rate = count(Math.round((total / traffic.duration) * 1_000));
    finish([
      ...chart(),
      `     ${count(total)} calls, ${outcome(traffic)} ${dim(`· ${rate} calls/s · 99 % within ${duration(traffic.p99)}`)}`,
      ...reasons(traffic),
    ]);
    return traffic;
  }

  #count(traffic) {
    this.#calls += traffic.total;
    traffic.failures.forEach((_, reason) => this.#failures.add(reason));
  }

  #expectEven(traffic, nodes, when) {
    const fair = Math.floor(traffic.total / nodes.length);
    const shares = nodes.map((node) => traffic.byNode.get(node) ?? 0);
    this.#checks.expect(
      `${count(fair)} calls for each of ${nodes.length} nodes ${when}`,
      shares.every((share) => Math.abs(share - fair) <= 1),
      shares.map(count).join(', '),
    );
  }

  async #degraded() {
    const health = await this.#gateway.health();
    const lost = health.nodes.find((node) => this.#isOf(node, VICTIM));
    return health.status === 'degraded' && lost.status !== 'ready' ? health : undefined;
  }

  #untilReady(nodes) {
    const ready = async () => ((await this.#gateway.health()).ready === nodes ? true : undefined);
    const needs = ['gateway', ...NODES];
    return this.#processes.until(`all ${nodes} nodes are ready`, ready, { timeout: PATIENCE, needs });
  }

  #isOf({ key }, node) {
    return key.endsWith(`:${this.#ports.get(node)}`);
  }
}

function outcome({ failedCount }) {
  return failedCount === 0 ? green('0 failed') : red(`${count(failedCount)} failed`);
}

function reasons({ failures }) {
  return [...failures].slice(0, 3).map(([reason, times]) => red(`     ${count(times)} × ${reason}`));
}

function headline(number, text) {
  console.log(`\n ${bold(`${number}  ${text}`)}`);
}
