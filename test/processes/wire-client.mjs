/** Nest's own TCP client, one for each port: makes the calls that the test sends it, all at once, and tells what came of each. */
import { load, onTold, tell } from './nest.mjs';

const { ClientProxyFactory, Transport } = load('@nestjs/microservices');

const clients = new Map();
function clientOf(port) {
  if (!clients.has(port)) {
    const options = { host: '127.0.0.1', port };
    clients.set(port, ClientProxyFactory.create({ transport: Transport.TCP, options }));
  }
  return clients.get(port);
}

/** Resolves with all that the caller was told, as `record()` of `support/calls.ts` does. */
function outcome(observable) {
  return new Promise((resolve) => {
    const told = { values: [], errors: [], completions: 0 };
    const ended = () => setImmediate(() => resolve(told));
    observable.subscribe({
      next: (value) => told.values.push(value),
      error: (error) => {
        told.errors.push(error);
        ended();
      },
      complete: () => {
        told.completions++;
        ended();
      },
    });
  });
}

onTold('call', async ({ port, calls }) => {
  const client = clientOf(port);
  const outcomes = await Promise.all(
    calls.map(({ kind, pattern, data }) => outcome(client[kind](pattern, data))),
  );
  tell('outcomes', { outcomes });
});
tell('listening');
