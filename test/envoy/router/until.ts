import { setTimeout as delay } from 'node:timers/promises';

const MAX_WAIT_MS = 5_000;
const POLL_MS = 5;

/** @throws {Error} naming what was waited for, after 5 s. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + MAX_WAIT_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not so within ${MAX_WAIT_MS} ms: ${what}`);
    await delay(POLL_MS);
  }
}
