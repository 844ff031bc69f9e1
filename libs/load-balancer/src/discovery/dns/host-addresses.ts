import { isIP } from 'node:net';
import { codeOf, describeFailures, isAbsence } from './dns-failure.js';
import type { AddressRecord, NameServer } from './name-server.js';

/** What is known of one host. */
export interface FoundHost {
  /** IPv4 before IPv6, each sorted: name servers tell them in another order each time. */
  readonly addresses: readonly string[];
  /** Milliseconds that the answer may be kept; `undefined` where it does not say. */
  readonly ttl: number | undefined;
  /** Did anybody answer? Otherwise the addresses are the last ones that were told. */
  readonly answered: boolean;
  /** Why there are no addresses, or why they may not be all. */
  readonly problem: string | undefined;
}

/** What was answered for one family, or the code of why nothing was. */
interface Answer {
  readonly family: 4 | 6;
  readonly records: readonly AddressRecord[];
  readonly code: string | undefined;
}

type AskFor = (name: string, family: 4 | 6) => Promise<readonly AddressRecord[]>;

const KIND = { 4: 'A', 6: 'AAAA' } as const;
/** After these the system is asked too: a certain no, or nobody there to ask. After a time-out it would cost one more. */
const ASK_SYSTEM: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

/**
 * Finds the addresses of hosts, of one family or of both, and remembers them: where one family cannot be asked for a moment,
 * its last addresses stand in, so that no node goes and comes back for it.
 */
export class HostAddresses {
  /** By kind and name: of the last round of look-ups, and of the one under way. */
  private remembered = new Map<string, readonly string[]>();
  private round = new Map<string, readonly string[]>();
  private readonly families: readonly (4 | 6)[];
  /** Have the name servers ever told an address? */
  private told = false;

  /** @param asksSystem also look where other programs of this machine do: in the hosts file, and in the search domains */
  constructor(
    family: 4 | 6 | undefined,
    private readonly asksSystem: boolean,
  ) {
    this.families = family === undefined ? [4, 6] : [family];
  }

  /** Begins a round of look-ups; what was not in the last one is forgotten. */
  beginRound(): void {
    this.remembered = this.round;
    this.round = new Map();
  }

  /** Never rejects. */
  async find(host: string, server: NameServer): Promise<FoundHost> {
    if (isIP(host) !== 0) return { addresses: [host], ttl: Infinity, answered: true, problem: undefined };
    const answers = await this.ask(host, server.addresses);
    const found = this.take(host, answers);
    this.told ||= found.addresses.length > 0;
    if (found.addresses.length > 0 || !this.asksSystemFor(host, answers)) return found;
    const addresses = (await this.ask(host, server.local)).flatMap(({ records }) => sorted(records));
    return addresses.length > 0 ? { addresses, ttl: undefined, answered: true, problem: undefined } : found;
  }

  private ask(host: string, askFor: AskFor): Promise<Answer[]> {
    return Promise.all(
      this.families.map(async (family) => {
        try {
          const records = await askFor(host, family);
          return { family, records, code: records.length > 0 ? undefined : 'ENODATA' };
        } catch (error) {
          return { family, records: [], code: codeOf(error) };
        }
      }),
    );
  }

  private take(host: string, answers: readonly Answer[]): FoundHost {
    const doubtful = answers.filter(({ code }) => code !== undefined && !isAbsence(code));
    const addresses = answers.flatMap((answer) => {
      const key = `${answer.family} ${host}`;
      const found = doubtful.includes(answer) ? (this.remembered.get(key) ?? []) : sorted(answer.records);
      if (found.length > 0) this.round.set(key, found);
      return found;
    });
    const troubled = addresses.length > 0 ? doubtful : answers;
    const codes = troubled.map(({ family, code = '' }) => [KIND[family], code] as const);
    return {
      addresses,
      ttl: shortest(answers.flatMap(({ records }) => records)),
      answered: doubtful.length < answers.length,
      problem: troubled.length === 0 ? undefined : `${host}: ${describeFailures(codes)}`,
    };
  }

  /**
   * A name that the name servers have told before is theirs: when they no longer have it, a search domain that answers for
   * every name must not.
   */
  private asksSystemFor(host: string, answers: readonly Answer[]): boolean {
    const asks = this.asksSystem && !this.told && !host.endsWith('.');
    return asks && answers.every(({ code = '' }) => ASK_SYSTEM.has(code));
  }
}

function sorted(records: readonly AddressRecord[]): readonly string[] {
  return [...new Set(records.map(({ address }) => address))].sort();
}

function shortest(records: readonly AddressRecord[]): number | undefined {
  const times = records.flatMap(({ ttl }) => ttl ?? []);
  return times.length === 0 ? undefined : Math.min(...times) * 1_000;
}
