import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ReqContext, RequestContext } from 'nestjs-load-balancer';
import type { ServerResponse } from 'node:http';
import { map, type Observable } from 'rxjs';
import { sendStream } from '../common/send-stream.js';
import { CountryCodePipe } from '../pipes/country-code.pipe.js';
import { NumberPipe } from '../pipes/number.pipe.js';
import { QueryPipe } from '../pipes/query.pipe.js';
import { TextPipe } from '../pipes/text.pipe.js';
import { CitiesClient } from './cities.client.js';
import type { NearestAnswer, SearchAnswer } from './cities.messages.js';

interface NearestQuery {
  lat: number;
  lon: number;
}

const nearestQuery = new QueryPipe<NearestQuery>({
  lat: new NumberPipe({ min: -90, max: 90 }),
  lon: new NumberPipe({ min: -180, max: 180 }),
});

interface SearchQuery {
  prefix: string;
  limit: number;
}

const searchQuery = new QueryPipe<SearchQuery>({
  prefix: new TextPipe(100),
  limit: new NumberPipe({ min: 1, max: 100, integer: true, default: 10 }),
});

@Controller()
export class CitiesController {
  constructor(private readonly cities: CitiesClient) {}

  /** The city nearest to a coordinate. */
  @Get('nearest')
  nearest(@Query(nearestQuery) { lat, lon }: NearestQuery): Observable<NearestAnswer> {
    return this.cities.nearest(lat, lon);
  }

  /** Cities whose name begins so, case and accents aside, most populous first. */
  @Get('cities')
  search(@Query(searchQuery) { prefix, limit }: SearchQuery): Observable<SearchAnswer> {
    return this.cities.search(prefix, limit);
  }

  /** Every city of a country, most populous first, a line each (NDJSON). */
  @Get('countries/:code/cities')
  async byCountry(
    @Param('code', new CountryCodePipe()) code: string,
    @ReqContext() { requestId }: RequestContext,
    @Res() response: ServerResponse,
  ): Promise<void> {
    const lines = this.cities
      .byCountry(code)
      .pipe(map(({ city, servedBy }) => ({ ...city, servedBy, requestId })));
    await sendStream(lines, response);
  }
}
