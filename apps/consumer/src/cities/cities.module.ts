import { Module } from '@nestjs/common';
import { LoadBalancerModule } from 'nestjs-load-balancer';
import { CitiesClient } from './cities.client.js';
import { CitiesController } from './cities.controller.js';

/** Three nodes on this machine, started with `PORT=4001 node dist/apps/provider/main.js` and so on. */
const DEFAULT_TARGET = 'static:///127.0.0.1:4001,127.0.0.1:4002,127.0.0.1:4003';

@Module({
  imports: [
    LoadBalancerModule.forRoot({
      services: {
        cities: {
          target: DEFAULT_TARGET, // or wherever LB_TARGET_CITIES says
          strategy: 'round-robin', // equal nodes, equal calls: each in turn, as one can count
          timeout: 3_000,
          healthCheck: { interval: 1_000 },
        },
      },
    }),
  ],
  controllers: [CitiesController],
  providers: [CitiesClient],
})
export class CitiesModule {}
