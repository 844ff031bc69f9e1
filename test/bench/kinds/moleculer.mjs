import { ServiceBroker } from 'moleculer';

/** Moleculer's TCP transport with its round robin, the default. */
export function createClient() {
  let broker;
  return {
    async start(ports) {
      broker = new ServiceBroker({
        nodeID: `client-${process.pid}`,
        transporter: {
          type: 'TCP',
          options: {
            udpDiscovery: false,
            useHostname: false,
            urls: ports.map((port) => `tcp://127.0.0.1:${port}/node-${port}`),
          },
        },
        logger: false,
      });
      await broker.start();
      while (broker.registry.actions.get('bench.echo')?.count() !== ports.length) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    call(payload, done) {
      broker.call('bench.echo', payload).then((response) => done(undefined, response), done);
    },
    stop: () => broker.stop(),
  };
}
