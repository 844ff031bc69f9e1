import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { of } from 'rxjs';
import { CitiesClient } from './cities.client.js';
import { CitiesController } from './cities.controller.js';

describe('CitiesController', () => {
  let app: INestApplication;

  beforeAll(async () => {
    const client = {
      nearest: (lat: number, lon: number) => of({ lat, lon }),
      search: (prefix: string, limit: number) => of({ prefix, limit }),
    };
    const module = await Test.createTestingModule({
      controllers: [CitiesController],
      providers: [{ provide: CitiesClient, useValue: client }],
    }).compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
  });
  afterAll(() => app.close());

  const ask = async (path: string): Promise<{ status: number; body: any }> => {
    const answer = await fetch(`${await app.getUrl()}${path}`);
    return { status: answer.status, body: await answer.json() };
  };

  it('asks with what the query says', async () => {
    expect(await ask('/nearest?lat=48.85&lon=2.35')).toEqual({
      status: 200,
      body: { lat: 48.85, lon: 2.35 },
    });
    expect(await ask('/cities?prefix=par')).toEqual({ status: 200, body: { prefix: 'par', limit: 10 } });
  });

  it('complains of both coordinates at once', async () => {
    expect(await ask('/nearest?lat=abc&lon=999')).toMatchObject({
      status: 400,
      body: {
        message:
          'lat: expected a number from -90 to 90, got "abc"; lon: expected a number from -180 to 180, got "999"',
      },
    });
  });
});
