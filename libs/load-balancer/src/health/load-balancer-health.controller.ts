import { Controller, Get, Header, HttpStatus, Req, Res, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import type { HealthReport, ReadinessReport } from './health-report.js';
import { HealthReporter } from './health-reporter.js';
import type { HealthRequest, ResolvedHealthOptions } from './load-balancer-health.options.js';

/** What both Express and Fastify offer to set a status code. */
interface StatusResponse {
  status(code: number): unknown;
}

/** Health must be true now, not what a proxy remembers of it. */
const NOT_STORED = ['Cache-Control', 'no-store'] as const;

/**
 * A controller class for one path: decorators are evaluated with the class, so options can only reach them through a
 * function. A failing check sets the status code rather than throw: it is an answer, not an error to be filtered or logged.
 */
export function createHealthController({ path, decorators }: ResolvedHealthOptions): Type<unknown> {
  // Neutral: orchestrators ask for a fixed path, whatever versions the API has.
  @Controller({ path, version: VERSION_NEUTRAL })
  class LoadBalancerHealthController {
    constructor(private readonly reporter: HealthReporter) {}

    /** Every service and node. 503 when a service is down. */
    @Get()
    @Header(...NOT_STORED)
    async health(
      @Req() request: HealthRequest,
      @Res({ passthrough: true }) response: StatusResponse,
    ): Promise<HealthReport> {
      const report = await this.reporter.health(request);
      response.status(report.status === 'down' ? HttpStatus.SERVICE_UNAVAILABLE : HttpStatus.OK);
      return report;
    }

    /** Does the process answer? It says nothing about nodes: restarting this process would not bring them back. */
    @Get('live')
    @Header(...NOT_STORED)
    live(): { status: 'up' } {
      return { status: 'up' };
    }

    /** Should it get traffic? 503 while a service lacks nodes, a server is not registered yet, or the app shuts down. */
    @Get('ready')
    @Header(...NOT_STORED)
    async ready(
      @Req() request: HealthRequest,
      @Res({ passthrough: true }) response: StatusResponse,
    ): Promise<ReadinessReport> {
      const report = await this.reporter.readiness(request);
      response.status(report.status === 'ready' ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE);
      return report;
    }
  }
  for (const decorate of decorators) decorate(LoadBalancerHealthController);
  return LoadBalancerHealthController;
}
