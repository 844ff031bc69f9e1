import { RpcException } from '@nestjs/microservices';

/** The caller asked for something impossible. */
export class InvalidQueryException extends RpcException {
  constructor(message: string) {
    super({ code: 'INVALID_QUERY', message });
  }
}

/** The country has no city here, or does not exist. */
export class UnknownCountryException extends RpcException {
  constructor(country: string) {
    super({ code: 'UNKNOWN_COUNTRY', message: `no city is known in a country "${country}"` });
  }
}
