import { Observable } from 'rxjs';
import { backoffDelay } from '../../resilience/backoff.js';
import type { ResolutionDeps } from '../resolution.js';
import type { ResolverEmission } from '../resolver.js';
import type { LookUpResult } from './dns-look-up.js';
import type { DnsQuery } from './dns-target.js';

/** What is waited beyond the time to live, so that not everybody asks in the same moment: a share of it, at most so long. */
const JITTER = 0.1;
const MAX_JITTER = 500;
/** After a failure: gRPC's growth, and a longest wait that finds what is new within 5 s of the end of an outage. */
const RETRY = { initial: 1_000, multiplier: 1.6, jitter: 0.2, max: 4_000 };

export interface Look {
  /** Never rejects. */
  run(): Promise<LookUpResult>;
  cancel(): void;
}

type Pace = Pick<DnsQuery, 'interval' | 'minInterval' | 'maxInterval'>;

/**
 * Looks at once, and again when the answer is no longer good, or when `refresh` asks for it: at most once in `minInterval`, and
 * not in the midst of a failure, where the next look is near in any case. One look at a time.
 */
export function lookAgain(
  open: () => Look,
  refresh: Observable<void>,
  pace: Pace,
  { random, now, setTimer }: Pick<ResolutionDeps, 'random' | 'now' | 'setTimer'>,
): Observable<ResolverEmission> {
  return new Observable((subscriber) => {
    const look = open();
    let lookedAt = 0;
    let looking = false;
    /** While it looks: somebody wants to know what is there after this. */
    let wanted = false;
    let failures = 0;
    let dueAt = 0;
    let cancelTimer: (() => void) | undefined;

    const lookIn = (delay: number): void => {
      cancelTimer?.();
      dueAt = now() + delay;
      cancelTimer = setTimer(() => void lookNow(), delay);
    };
    const lookNow = async (): Promise<void> => {
      looking = true;
      lookedAt = now();
      const result = await look.run();
      looking = false;
      if (subscriber.closed) return;
      const delay = delayAfter(result);
      lookIn(wanted && failures === 0 ? Math.min(delay, untilAllowed()) : delay);
      wanted = false;
      subscriber.next(toEmission(result));
    };
    const untilAllowed = (): number => Math.max(0, lookedAt + pace.minInterval - now());
    const delayAfter = (result: LookUpResult): number => {
      if ('failure' in result) return backoffDelay(RETRY, failures++, random);
      failures = 0;
      const { minInterval, maxInterval, interval } = pace;
      // What could not be asked has told no time to live, and that of the rest says nothing about it.
      const { ttl = interval } = result;
      const wait = result.warning === undefined ? ttl : Math.min(ttl, interval);
      const goodFor = Math.min(Math.max(wait, minInterval), maxInterval);
      return goodFor + random() * Math.min(goodFor * JITTER, MAX_JITTER);
    };

    const refreshes = refresh.subscribe(() => {
      if (looking) wanted = true;
      else if (failures === 0 && now() + untilAllowed() < dueAt) lookIn(untilAllowed());
    });
    void lookNow();
    return () => {
      refreshes.unsubscribe();
      cancelTimer?.();
      look.cancel();
    };
  });
}

function toEmission(result: LookUpResult): ResolverEmission {
  if ('failure' in result) return result;
  const { nodes, warning } = result;
  return warning === undefined ? nodes : { nodes, warning };
}
