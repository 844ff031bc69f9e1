import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { UsageError } from '../arguments.mjs';

/** Megabytes that one simulation may take: enough for a million pairs of clients and servers. */
const MEMORY = 4_096;

/**
 * Runs simulations, as many at once as there are processors.
 *
 * @template {{ scenario: object, strategy: string, seed: number }} Job
 * @param {readonly Job[]} jobs
 * @param {(running: ReadonlyMap<Job, number>, done: number) => void} onProgress what runs, with the share of it that is done
 * @returns {Promise<{ job: Job, result: import('nestjs-load-balancer/testing').SimulationResult }[]>} in their order
 */
export async function runAll(jobs, onProgress) {
  const outcomes = new Array(jobs.length);
  const running = new Map();
  let next = 0;
  let done = 0;
  const work = async () => {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY },
    });
    try {
      while (next < jobs.length) {
        const place = next++;
        const job = jobs[place];
        running.set(job, 0);
        const outcome = await runOne(worker, job, (share) => {
          running.set(job, share);
          onProgress(running, done);
        });
        running.delete(job);
        onProgress(running, ++done);
        outcomes[place] = { job, ...outcome };
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, work));
  return outcomes;
}

function runOne(worker, job, onShare) {
  return new Promise((resolve, reject) => {
    const settle = (act) => {
      worker.off('message', onMessage).off('error', onError);
      act();
    };
    const onError = (error) => settle(() => reject(error));
    const onMessage = ({ share, error, ...outcome }) => {
      if (share !== undefined) onShare(share);
      else if (error)
        settle(() => reject(error.known ? new UsageError(error.message) : new Error(error.message)));
      else settle(() => resolve(outcome));
    };
    worker.on('message', onMessage).on('error', onError);
    worker.postMessage(job);
  });
}
