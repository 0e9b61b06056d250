/** A server on a free port for one test, and the streams that the test opens to it; all gone at its end. */
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { AdsServerOptions, ProxyStatus } from '../../../control-plane/serve/ads-server.ts';
import { AdsServer } from '../../../control-plane/serve/ads-server.ts';

export async function start(t: TestContext, options: Partial<AdsServerOptions> = {}) {
  const server = new AdsServer({ logger: pino({ enabled: false }), ...options });
  const port = await server.listen('127.0.0.1', 0);
  t.after(() => server.close(1000));
  const opened: { close(): void }[] = [];
  t.after(() => {
    for (const stream of opened) stream.close();
  });
  const open = <S extends { close(): void }>(make: (port: number) => S): S => {
    const stream = make(port);
    opened.push(stream);
    return stream;
  };
  return { server, port, open };
}

/** The proxies when `accept` is true of them. */
export async function proxiesWhen(
  server: AdsServer,
  accept: (list: ProxyStatus[]) => boolean,
): Promise<ProxyStatus[]> {
  const signal = AbortSignal.timeout(10_000);
  while (!accept(server.proxies.list())) await once(server.proxies, 'change', { signal });
  return server.proxies.list();
}
