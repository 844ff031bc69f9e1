import {
  isObject,
  optionsProblems,
  someText,
  throwProblems,
  trueOrFalse,
  type OptionCheck,
  type OptionChecks,
} from '../check-options.js';
import type { ConsulOptions, ConsulTlsOptions } from './consul-connection.js';

/** What Node takes a certificate or key from; what is in it is for Node to say. */
const pem: OptionCheck = (value) =>
  (typeof value === 'string' && value !== '') || ArrayBuffer.isView(value) || Array.isArray(value)
    ? undefined
    : 'a string that is not empty, a Buffer or a list of them';

const OPTIONS: OptionChecks<ConsulOptions> = {
  token: someText,
  tls: (value) => (typeof value === 'boolean' || isObject(value) ? undefined : 'true, false or TLS options'),
};

const TLS_OPTIONS: OptionChecks<ConsulTlsOptions> = {
  ca: pem,
  cert: pem,
  key: pem,
  passphrase: someText,
  pfx: pem,
  rejectUnauthorized: trueOrFalse,
  servername: someText,
};

/** @throws InvalidOptionsError with every problem; no secret is shown. */
export function checkConsulOptions(options: ConsulOptions, path: string): void {
  const problems = optionsProblems(options, path, OPTIONS);
  if (isObject(options) && isObject(options.tls))
    problems.push(...optionsProblems(options.tls as ConsulTlsOptions, `${path}.tls`, TLS_OPTIONS));
  throwProblems(problems);
}
