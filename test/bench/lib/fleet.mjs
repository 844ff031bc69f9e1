import { freePorts } from '../../../scripts/lib/free-port.mjs';
import { Child } from './child.mjs';

const SCRIPT = new URL('server-process.mjs', import.meta.url);

/** Nodes that each balanced client has. */
const NODES = 4;

/** The server processes: four of each kind that is needed. They idle while another kind is measured. */
export class Fleet {
  #groups = new Map();

  /** @param {readonly string[]} servers names of `servers/index.mjs` */
  async start(servers) {
    for (const server of new Set(servers)) {
      const ports = await freePorts(NODES);
      const children = ports.map((port) => new Child(SCRIPT, { server, port }));
      this.#groups.set(server, { ports, children });
      await Promise.all(children.map((child) => child.call('start')));
    }
  }

  ports(server) {
    return this.#groups.get(server).ports;
  }

  /** Microseconds of CPU that the four have used so far, together. */
  async cpu(server) {
    const used = await Promise.all(this.#groups.get(server).children.map((child) => child.call('cpu')));
    return used.reduce((sum, each) => sum + each, 0);
  }

  /** Profiles the first of the four while `work` runs. */
  async profile(server, work) {
    const [first] = this.#groups.get(server).children;
    await first.call('startProfile');
    await work();
    return first.call('stopProfile');
  }

  async stop() {
    const children = [...this.#groups.values()].flatMap((group) => group.children);
    await Promise.all(children.map((child) => child.stop()));
  }
}
