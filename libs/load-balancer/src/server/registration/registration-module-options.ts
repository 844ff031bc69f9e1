import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency } from '@nestjs/common';
import type { Registrar } from '../../discovery/registrar.js';
import type { OptionsProblem } from '../../errors.js';
import { InvalidOptionsError } from '../../errors.js';
import {
  anything,
  callable,
  isObject,
  list,
  number,
  section,
  type Report,
} from '../../module/validation/schema.js';
import { hostName, serviceName } from '../balanced-tcp-server-options.js';
import { checkRegister, registrars, type Register } from './registration-options.js';

/** Options of `RegistrationModule.forRoot()`. */
export interface RegistrationModuleOptions {
  /** The name of the service: 1–253 visible characters. */
  service: string;
  /** The port that the server listens on. */
  port: number;
  /** The address that it listens on; by default all of them, and then it must. */
  host?: string;
  /** Where to register: `etcd://10.0.0.9:2379/orders`, several of these, or an object with weight, zone, version and more. */
  register: Register;
  /** Registrars for schemes of your own, or for built-in ones with credentials. */
  registrars?: Registrar[];
}

/** Options of `RegistrationModule.forRootAsync()`. */
export interface RegistrationModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  /** Makes the options when the application starts. */
  useFactory: (...args: never[]) => RegistrationModuleOptions | Promise<RegistrationModuleOptions>;
  /** What the factory is called with. */
  inject?: (InjectionToken | OptionalFactoryDependency)[];
}

const options = section<RegistrationModuleOptions>({
  service: serviceName,
  port: number({ min: 1, max: 65_535, integer: true }),
  host: hostName,
  register: anything,
  registrars,
});

const asyncOptions = section<RegistrationModuleAsyncOptions>({
  imports: list(anything, 'modules'),
  useFactory: anything,
  inject: list(anything, 'injection tokens'),
});

/** @throws InvalidOptionsError with everything that is wrong */
export function checkModuleOptions(input: unknown): asserts input is RegistrationModuleOptions {
  throwProblems((report) => {
    options(input, 'RegistrationModule', report);
    if (!isObject(input)) return;
    if (input.service === undefined)
      report('RegistrationModule.service', 'missing; expected the name to register the server under');
    if (input.port === undefined)
      report('RegistrationModule.port', 'missing; expected the port that the server listens on (1–65535)');
    checkRegister(input.register, input.registrars, 'RegistrationModule.register', report);
  });
}

/** The same for what `forRootAsync()` is given. */
export function checkModuleAsyncOptions(input: unknown): asserts input is RegistrationModuleAsyncOptions {
  throwProblems((report) => {
    const path = 'RegistrationModule.forRootAsync';
    asyncOptions(input, path, report);
    if (isObject(input))
      callable('a function that makes the options')(input.useFactory, `${path}.useFactory`, report);
  });
}

function throwProblems(check: (report: Report) => void): void {
  const problems: OptionsProblem[] = [];
  check((path, message) => problems.push({ path, message }));
  if (problems.length > 0) throw new InvalidOptionsError(problems);
}
