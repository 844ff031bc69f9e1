/** The process of one server. */
import { SERVERS } from '../servers/index.mjs';
import { answer, settings } from './ipc.mjs';
import { startProfile } from './profile.mjs';

const { server, port, host = '127.0.0.1' } = settings();
let stopProfile;

answer({
  start: async () => (await SERVERS[server]()).start(port, host),
  /** Microseconds of CPU used so far. */
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  async startProfile() {
    stopProfile = await startProfile();
  },
  stopProfile: () => stopProfile(),
});
