import { statSync } from 'node:fs';

/** Spec files that take longest, each of them for most of a minute: started last, they would run while all other workers are idle. */
const SLOW = ['outage.registry-spec', 'tour.registry-spec', 'etcd.registry-spec', 'consul.registry-spec'];

/** The order of spec files: the slow ones, then as Jest itself does where it does not know how long they take, by their size. */
export default class SlowFirst {
  sort(tests) {
    const rank = ({ path }) => {
      const slow = SLOW.findIndex((name) => path.endsWith(`${name}.ts`) && !path.includes(`-${name}`));
      return slow === -1 ? SLOW.length : slow;
    };
    const size = ({ path }) => statSync(path).size;
    return [...tests].sort((a, b) => rank(a) - rank(b) || size(b) - size(a));
  }

  allFailedTests(tests) {
    return tests;
  }

  shard(tests) {
    return tests;
  }

  cacheResults() {
    // Every run is ordered alike.
  }
}
