import { parentPort } from 'node:worker_threads';
import { simulate, simulationOf } from './library.mjs';

/** Runs one simulation after the other, in a thread of its own. */
parentPort.on('message', ({ scenario, strategy, seed }) => {
  try {
    const progress = (share) => parentPort.postMessage({ share });
    const result = simulate(simulationOf(scenario, strategy, seed), progress);
    parentPort.postMessage({ result });
  } catch (error) {
    parentPort.postMessage({ error: { message: error.message, known: error.code === 'INVALID_OPTIONS' } });
  }
});
