import { createRequire } from 'node:module';

/**
 * What every process here begins with: its configuration, and the Nest it is to run with. One script serves both versions of
 * Nest because it loads them with `require()` from the folder that has the wanted one.
 */
export const config = JSON.parse(process.argv[2]);

export const load = createRequire(new URL(config.nest === 11 ? '../nest11/' : '../../', import.meta.url));
load('reflect-metadata');
const { Payload, Ctx } = load('@nestjs/microservices');

/** Tells the test something. */
export function tell(type, fields = {}) {
  process.send({ type, ...fields });
}

/** Runs `action` each time the test says so, with what else the test says. */
export function onTold(type, action) {
  process.on('message', (message) => {
    if (message.type === type) action(message);
  });
}

/** The options of a service that may be started after those who call it. */
export function startedLater(port) {
  return {
    target: `static:///127.0.0.1:${port}`,
    waitForReady: true,
    connection: { backoff: { initial: 50, max: 100 } },
  };
}

// The test is gone, whatever way it ended.
const onTestGone = () => process.exit(1);
process.on('disconnect', onTestGone);

/** Lets the process end by itself, when nothing else keeps it. */
export function finish() {
  process.off('disconnect', onTestGone);
  process.disconnect();
}

/** What `@MessagePattern(…) name(@Payload() data, @Ctx() context)` in TypeScript compiles to. */
export function handler(decorator, controller, name) {
  Payload()(controller.prototype, name, 0);
  Ctx()(controller.prototype, name, 1);
  decorate(decorator, controller, name);
}

/** `@decorator` on a method. */
export function decorate(decorator, controller, name) {
  const { prototype } = controller;
  decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}
