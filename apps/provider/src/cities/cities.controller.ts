import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { Idempotent } from 'nestjs-load-balancer';
import { map, type Observable } from 'rxjs';
import { UnknownCountryException } from './cities.exceptions.js';
import {
  BY_COUNTRY,
  NEAREST,
  SEARCH,
  type CountryAnswer,
  type CountryQuery,
  type NearestAnswer,
  type NearestQuery,
  type SearchAnswer,
  type SearchQuery,
} from './cities.messages.js';
import { CitiesService } from './cities.service.js';
import { inBatches } from './in-batches.js';
import { parseCountryQuery, parseNearestQuery, parseSearchQuery } from './queries.js';
import { QueryPipe } from './query.pipe.js';

/** Cities that a stream sends before it lets other calls go first: about a millisecond's work. */
const BATCH = 64;

@Controller()
export class CitiesController {
  constructor(private readonly cities: CitiesService) {}

  @Idempotent()
  @MessagePattern(NEAREST)
  nearest(@Payload(new QueryPipe(parseNearestQuery)) query: NearestQuery): NearestAnswer {
    return this.cities.nearest(query);
  }

  @Idempotent()
  @MessagePattern(SEARCH)
  search(@Payload(new QueryPipe(parseSearchQuery)) query: SearchQuery): SearchAnswer {
    return { cities: this.cities.search(query) };
  }

  @Idempotent()
  @MessagePattern(BY_COUNTRY)
  byCountry(@Payload(new QueryPipe(parseCountryQuery)) { country }: CountryQuery): Observable<CountryAnswer> {
    const cities = this.cities.ofCountry(country);
    if (cities.length === 0) throw new UnknownCountryException(country);
    return inBatches(cities, BATCH).pipe(map((city) => ({ city })));
  }
}
