/** Finding ports that are free, and saying plainly which one is not. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { CommandFailure } from '../failure.ts';

/**
 * Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152 on
 * macOS): between the probe and its use no connection can take one of these by chance.
 */
const LOWEST = 10_240;
const HIGHEST = 32_767;
const MAX_ATTEMPTS = 100;

/** Whether one could listen there now. */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port that is free now; for programs that cannot choose one themselves. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(host, port)) return port;
  }
  throw new CommandFailure(
    `no free port found on ${host} between ${LOWEST} and ${HIGHEST} in ${MAX_ATTEMPTS} attempts`,
    1,
  );
}

/** @throws {CommandFailure} naming the flag, when the port is taken. */
export async function requireFree(host: string, port: number, flag: string): Promise<void> {
  if (await isFree(host, port)) return;
  const other = await freePort(host);
  throw new CommandFailure(
    `port ${port} on ${host} is taken by another program. Choose another one: ${flag} ${other}`,
    1,
  );
}
