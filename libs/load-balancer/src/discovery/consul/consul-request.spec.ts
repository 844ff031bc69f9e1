import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { AgentDouble } from './agent-double.spec.fixture.js';
import type { ConsulConnection } from './consul-connection.js';
import { askConsul, type ConsulRequestOptions } from './consul-request.js';

/** Milliseconds; nothing here comes near it but what waits for it. */
const LONG = 20_000;

let agent: AgentDouble;

afterEach(() => agent.close());

function ask(connection: Partial<ConsulConnection> = {}, options: Partial<ConsulRequestOptions> = {}) {
  return askConsul(
    { host: '127.0.0.1', port: agent.port, token: undefined, tls: undefined, ...connection },
    { timeout: LONG, ...options },
    (consul, request) => consul.health.service({ service: 'orders', ...request }),
  );
}

describe('askConsul', () => {
  it('gives the body and the headers of an answer, and sends the token where nobody logs it', async () => {
    agent = await AgentDouble.listen();
    const answer = ask({ token: 's3cret' });
    const request = await agent.next();
    expect(request).toMatchObject({ path: '/v1/health/service/orders', query: {}, token: 's3cret' });
    request.answer(['x'], 7);
    expect(await answer).toMatchObject({ body: ['x'], headers: { 'x-consul-index': '7' } });
  });

  it('reaches an agent by its IPv6 address', async () => {
    agent = await AgentDouble.listen(undefined, '::1');
    const answer = ask({ host: '::1' });
    (await agent.next()).answer([]);
    expect(await answer).toMatchObject({ body: [] });
  });

  it.each([
    [403, 'text/plain', 'ACL not found', 'HTTP 403: ACL not found (the token must exist and allow this)'],
    [500, 'text/plain', 'No cluster leader', 'HTTP 500: No cluster leader'],
    [500, 'text/html', '<html><body>oops</body></html>', 'HTTP 500: internal server error'],
    [503, 'application/json', '{"a":1}', 'HTTP 503: service unavailable'],
    [429, 'text/plain', '', 'HTTP 429: too many requests'],
    [404, 'text/plain', `a ${'long '.repeat(100)}\n text`, /^HTTP 404: a long .{192}…$/],
    [301, 'text/plain', '', 'HTTP 301: moved permanently'],
    [200, 'application/json', '{"a":', 'the answer is not valid JSON'],
  ])('says what an answer %i with %s %j means', async (status, type, body, message) => {
    agent = await AgentDouble.listen();
    const answer = ask().catch((error: unknown) => error as Error);
    const { response } = await agent.next();
    response.writeHead(status, { 'content-type': type }).end(body);
    expect((await answer) as Error).toMatchObject({
      name: 'ConsulError',
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as unknown),
      status: status === 200 ? undefined : status,
    });
  });

  it('shows the token in nothing that it throws, even if the agent repeats it', async () => {
    agent = await AgentDouble.listen();
    const answer = ask({ token: 's3cret' }).catch((error: unknown) => error as Error);
    const { response } = await agent.next();
    response.writeHead(403, { 'content-type': 'text/plain' }).end('no such token: s3cret');
    const error = (await answer) as Error;
    expect(error.message).toBe('HTTP 403: no such token: *** (the token must exist and allow this)');
    expect(error.cause).toBeUndefined();
    expect(error.stack).not.toContain('s3cret');
  });

  it('says that a token cannot be sent without showing it', async () => {
    agent = await AgentDouble.listen();
    await expect(ask({ token: 'a\nb' })).rejects.toThrow(/^Invalid character in header content/);
  });

  it('says that nobody listens', async () => {
    const gone = await AgentDouble.listen();
    const { port } = gone;
    await gone.close();
    agent = await AgentDouble.listen();
    await expect(ask({ port })).rejects.toThrow(`connect ECONNREFUSED 127.0.0.1:${port}`);
  });

  it('notices at once that an answer breaks off', async () => {
    agent = await AgentDouble.listen();
    const answer = ask();
    const { response } = await agent.next();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('[{"Service":');
    await new Promise((resolve) => setImmediate(resolve));
    response.destroy();
    await expect(answer).rejects.toThrow('the connection was closed before the answer was complete');
  });

  it('gives up an agent that says nothing, and hangs up', async () => {
    agent = await AgentDouble.listen();
    const answer = ask({}, { timeout: 300 });
    const failed = expect(answer).rejects.toThrow('no answer in time');
    await agent.hungUp(await agent.next());
    await failed;
  });

  it('hangs up when it is given up, and asks nothing when it was given up before', async () => {
    agent = await AgentDouble.listen();
    const giveUp = new AbortController();
    const failed = expect(ask({}, { signal: giveUp.signal })).rejects.toThrow('given up');
    const request = await agent.next();
    giveUp.abort();
    await failed;
    await agent.hungUp(request);
    await expect(ask({}, { signal: giveUp.signal })).rejects.toThrow();
    expect(agent.requests).toHaveLength(1);
  });

  describe('with TLS', () => {
    const fixture = (name: string) =>
      readFileSync(new URL(`../../../../../test/fixtures/tls/test-only.${name}.pem`, import.meta.url));
    const cert = fixture('cert');

    it('trusts the authority that it is given', async () => {
      agent = await AgentDouble.listen({ key: fixture('key'), cert });
      const answer = ask({ tls: { ca: cert, servername: 'localhost' } });
      (await agent.next()).answer(['x']);
      expect(await answer).toMatchObject({ body: ['x'] });
    });

    it('refuses a certificate that nobody vouches for', async () => {
      agent = await AgentDouble.listen({ key: fixture('key'), cert });
      await expect(ask({ tls: {} })).rejects.toThrow(/self-signed certificate/);
    });

    it('says something of a server that does not speak TLS', async () => {
      agent = await AgentDouble.listen();
      await expect(ask({ tls: {} })).rejects.toThrow(/wrong version number|packet length too long/);
    });
  });
});
