import { Injectable } from '@nestjs/common';
import { BalancedClient, BalancedClientProxy } from 'nestjs-load-balancer';
import type { Observable } from 'rxjs';
import {
  BY_COUNTRY,
  NEAREST,
  SEARCH,
  type CountryAnswer,
  type NearestAnswer,
  type SearchAnswer,
} from './cities.messages.js';

/** The `cities` service, whichever of its nodes answers. */
@Injectable()
export class CitiesClient {
  constructor(@BalancedClient('cities') private readonly cities: BalancedClientProxy) {}

  nearest(lat: number, lon: number): Observable<NearestAnswer> {
    return this.cities.send(NEAREST, { lat, lon });
  }

  search(prefix: string, limit: number): Observable<SearchAnswer> {
    return this.cities.send(SEARCH, { prefix, limit });
  }

  byCountry(country: string): Observable<CountryAnswer> {
    return this.cities.send(BY_COUNTRY, { country });
  }
}
