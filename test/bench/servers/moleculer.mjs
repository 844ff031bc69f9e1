import { ServiceBroker } from 'moleculer';

export async function start(port) {
  const broker = new ServiceBroker({
    nodeID: `node-${port}`,
    transporter: { type: 'TCP', options: { port, udpDiscovery: false, useHostname: false } },
    logger: false,
  });
  broker.createService({ name: 'bench', actions: { echo: ({ params }) => params } });
  await broker.start();
}
