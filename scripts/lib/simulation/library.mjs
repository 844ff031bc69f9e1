/** What of the library the simulation uses, as it is built: its own files, since scenarios are not published. */
const dist = new URL('../../../libs/load-balancer/dist/', import.meta.url);

const load = (file) => import(new URL(file, dist).href);

export const [{ simulate }, { scenarios }, { parseScenario, simulationOf, strategiesOf, strategyProblem }] =
  await Promise.all([
    load('testing.js'),
    load('testing/simulation/scenarios.js'),
    load('testing/simulation/scenario.js'),
  ]);
