import { watch, type FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Observable } from 'rxjs';

/** Milliseconds of silence after which a burst of events counts as one change: editors and `cp` write in pieces. */
const SETTLE = 50;
/** Milliseconds after which a burst counts as a change though it goes on, so that a busy directory delays nothing for long. */
const SETTLE_AT_MOST = 100;

/**
 * Emits when a file may have changed: once at the start, after events in its directory, and at least every `poll`
 * milliseconds.
 *
 * The *directory* is watched, and every event in it counts: a file that is replaced by renaming another over it, or
 * that is reached through a link which is swapped (Kubernetes does so with ConfigMaps), is another inode whose
 * predecessor says nothing. The poll is for what no event tells: network file systems, links further up, a watch that
 * died because the directory itself was replaced, or that could not be made. It makes the watch anew.
 *
 * Nothing here keeps the process running.
 */
export function fileChanges(path: string, poll: number): Observable<void> {
  return new Observable((subscriber) => {
    const directory = dirname(path);
    let watcher: FSWatcher | undefined;
    /** What the watcher looks at: a path can come to mean another directory. */
    let watched: string | undefined;
    let settling: NodeJS.Timeout | undefined;
    let firstOfBurst = 0;

    const onEvent = (): void => {
      const now = performance.now();
      if (settling === undefined) firstOfBurst = now;
      clearTimeout(settling);
      settling = setTimeout(
        () => {
          settling = undefined;
          subscriber.next();
        },
        Math.min(SETTLE, Math.max(0, firstOfBurst + SETTLE_AT_MOST - now)),
      ).unref();
    };
    const unwatch = (): void => {
      watcher?.close();
      watcher = undefined;
      watched = undefined;
    };
    const ensureWatched = async (): Promise<void> => {
      const identity = await identityOf(directory);
      if (subscriber.closed || (watcher && identity === watched)) return;
      unwatch();
      if (identity === undefined) return;
      try {
        watcher = watch(directory, { persistent: false }, onEvent).on('error', unwatch);
        watched = identity;
      } catch {
        // No inotify watches left, or a file system without them: the poll remains.
      }
    };
    const lookAgain = async (): Promise<void> => {
      // First the watch, then the look: what changes in between is seen twice rather than not at all.
      await ensureWatched();
      subscriber.next();
    };

    const poller = setInterval(() => void lookAgain(), poll).unref();
    void lookAgain();
    return () => {
      clearInterval(poller);
      clearTimeout(settling);
      unwatch();
    };
  });
}

async function identityOf(directory: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(directory, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
