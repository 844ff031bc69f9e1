import { Injectable } from '@nestjs/common';
import { BalancedClient, BalancedClientProxy } from 'nestjs-load-balancer';
import { catchError, throwError, type Observable } from 'rxjs';
import {
  BY_COUNTRY,
  NEAREST,
  SEARCH,
  type CountryAnswer,
  type NearestAnswer,
  type SearchAnswer,
} from './cities.messages.js';
import { refusalToHttp } from './refusal.js';

/** The `cities` service, whichever of its nodes answers. */
@Injectable()
export class CitiesClient {
  constructor(@BalancedClient('cities') private readonly cities: BalancedClientProxy) {}

  nearest(lat: number, lon: number): Observable<NearestAnswer> {
    return this.ask(NEAREST, { lat, lon });
  }

  search(prefix: string, limit: number): Observable<SearchAnswer> {
    return this.ask(SEARCH, { prefix, limit });
  }

  byCountry(country: string): Observable<CountryAnswer> {
    return this.ask(BY_COUNTRY, { country });
  }

  private ask<T>(pattern: object, query: object): Observable<T> {
    return this.cities
      .send<T>(pattern, query)
      .pipe(catchError((error: unknown) => throwError(() => refusalToHttp(error))));
  }
}
