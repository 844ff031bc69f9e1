import { Agent, get } from 'node:http';

/** Calls under way at once: enough to keep three nodes busy, few enough for a laptop. */
const CONCURRENCY = 24;

/** The HTTP side of the consumer app, as its clients see it. */
export class Gateway {
  #agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });

  constructor(port) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** The `cities` service as `/health` shows it. */
  async health() {
    const { body } = await this.#get('/health');
    return { status: body.status, ...body.services.cities };
  }

  /** The status code of `/health/ready`. */
  async readiness() {
    return (await this.#get('/health/ready')).status;
  }

  /** The city nearest to a coordinate. */
  async nearest(lat, lon) {
    return (await this.#get(`/nearest?lat=${lat}&lon=${lon}`)).body;
  }

  /**
   * Sends calls as fast as they are answered: most ask for the nearest city to some place, every fifth for names.
   *
   * @param {number} total
   * @param {Traffic} traffic counts along, so that it can be shown meanwhile
   */
  async burst(total, traffic) {
    let sent = 0;
    const worker = async () => {
      while (sent < total) await this.#call(sent++, traffic);
    };
    const start = performance.now();
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    traffic.duration = performance.now() - start;
  }

  async #call(n, traffic) {
    const start = performance.now();
    try {
      const { status, body } = await this.#get(
        n % 5 === 4 ? `/cities?prefix=${prefix(n)}&limit=5` : place(n),
      );
      if (status === 200 && typeof body.servedBy === 'string')
        traffic.answered(body.servedBy, performance.now() - start);
      else traffic.failed(`${status} ${body.code ?? ''} ${body.message ?? ''}`);
    } catch (error) {
      traffic.failed(error.message);
    }
  }

  #get(path) {
    return new Promise((resolve, reject) => {
      get(`${this.url}${path}`, { agent: this.#agent, timeout: 10_000 }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
        response.on('error', reject).on('end', () => {
          try {
            resolve({ status: response.statusCode, body: JSON.parse(text) });
          } catch (error) {
            reject(error);
          }
        });
      })
        .on('timeout', function onTimeout() {
          this.destroy(new Error('no answer within 10 s'));
        })
        .on('error', reject);
    });
  }
}

/** What became of the calls of one burst. */
export class Traffic {
  byNode = new Map();
  latencies = [];
  failures = new Map();
  duration = 0;

  answered(node, latency) {
    this.byNode.set(node, (this.byNode.get(node) ?? 0) + 1);
    this.latencies.push(latency);
  }

  failed(reason) {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  get failedCount() {
    return [...this.failures.values()].reduce((sum, count) => sum + count, 0);
  }

  get total() {
    return this.latencies.length + this.failedCount;
  }

  /** The latency (ms) that 99 of 100 answers stayed below. */
  get p99() {
    return this.latencies.toSorted((a, b) => a - b)[Math.floor(this.latencies.length * 0.99)] ?? 0;
  }
}

/** Places all over the Earth, the same in every tour: steps of the golden ratio leave no region out. */
function place(n) {
  const turn = (n * 0.618_033_988_749) % 1;
  return `/nearest?lat=${(Math.asin(2 * ((n * 0.754_877_666) % 1) - 1) * (180 / Math.PI)).toFixed(3)}&lon=${(turn * 360 - 180).toFixed(3)}`;
}

function prefix(n) {
  return ['par', 'san', 'new', 'lond', 'kob', 'lag', 'mun'][n % 7];
}
