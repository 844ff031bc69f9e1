/**
 * Makes the calls of a fault's test through one balanced client, and keeps account of each; in a process of its own, so that
 * nothing but the fault delays them. Run with `--expose-gc`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { config, load, onTold, tell } from '../../processes/nest.mjs';

const { Module } = load('@nestjs/common');
const { NestFactory } = load('@nestjs/core');
const { getBalancedClientToken, LoadBalancerModule } = load('nestjs-load-balancer');
const { FastTcpSocket } = load('nestjs-load-balancer/socket');

const WORK = { cmd: 'work' };
/** Milliseconds between two looks at how many calls are due. */
const TICK = 5;

/** Every attempt to connect: its time, and the port. */
const connects = [];
class CountedSocket extends FastTcpSocket {
  connect(port, host) {
    connects.push({ at: clock(), port });
    return super.connect(port, host);
  }
}

const { service } = config;
class LoadModule {}
Module({
  imports: [
    LoadBalancerModule.forRoot({
      services: { orders: { ...service, transport: { socketClass: CountedSocket } } },
    }),
  ],
})(LoadModule);
const app = await NestFactory.createApplicationContext(LoadModule, { logger: false });
const client = app.get(getBalancedClientToken('orders'));

/** Milliseconds since 1970, to compare with those of other processes, but steady and with fractions. */
function clock() {
  return performance.timeOrigin + performance.now();
}

let made = 0;
/** Calls that have not been settled. */
let open = 0;
let onAllSettled = () => undefined;
let calls = [];
let going = false;
/** What a call is made with, at random: in turn, each kind would always go to the same nodes. */
let kinds = [{}];

function call() {
  const kind = Math.floor(Math.random() * kinds.length);
  const id = `${config.name}-${made++}`;
  const record = { id, kind, at: clock(), took: 0 };
  calls.push(record);
  open++;
  return new Promise((resolve) => {
    const settle = () => {
      record.took = clock() - record.at;
      if (--open === 0) onAllSettled();
      resolve();
    };
    client.send(WORK, { id }, kinds[kind]).subscribe({
      next: (answer) => {
        record.node = answer.node;
        record.served = answer.took;
        record.worked = answer.worked;
        if (answer.id !== id) record.answerOf = answer.id;
      },
      error: (error) => {
        record.code = error.code ?? 'none';
        record.message = error.message;
        record.attempts = error.attempts?.map(({ node, outcome }) => ({ node, outcome }));
        settle();
      },
      complete: settle,
    });
  });
}

async function keepInFlight() {
  while (going) await call();
}

function keepRate(rate) {
  const start = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    if (!going) return clearInterval(timer);
    for (; due < ((performance.now() - start) * rate) / 1_000; due++) void call();
  }, TICK);
}

const lag = monitorEventLoopDelay({ resolution: TICK });

onTold('start', ({ inFlight, rate, kinds: wanted }) => {
  kinds = wanted;
  calls = [];
  connects.length = 0;
  going = true;
  lag.reset();
  lag.enable();
  if (rate) keepRate(rate);
  else for (let i = 0; i < inFlight; i++) void keepInFlight();
});

onTold('stop', async () => {
  going = false;
  if (open > 0) await new Promise((resolve) => (onAllSettled = resolve));
  onAllSettled = () => undefined;
  lag.disable();
  // What comes to a call after its end would be counted now.
  await new Promise((resolve) => setImmediate(resolve));
  tell('stopped', { calls, connects, lag: Math.max(0, lag.max / 1e6 - TICK) });
});

onTold('heap', () => {
  for (let i = 0; i < 4; i++) globalThis.gc();
  tell('heap', { used: process.memoryUsage().heapUsed });
});

/** Told once, as soon as the nodes are in these states. */
onTold('watch', ({ statuses }) => {
  const hold = () =>
    Object.entries(statuses).every(
      ([key, wanted]) => client.nodes().find((node) => node.key === key)?.status === wanted,
    );
  const look = () => {
    if (!hold()) return;
    subscription.unsubscribe();
    tell('watched', { at: clock() });
  };
  const subscription = client.events.subscribe(look);
  look();
});

onTold('nodes', () => tell('nodes', { nodes: client.nodes() }));

tell('listening');
