/** Awaiting what another process does. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 10;
const TIMEOUT_MS = 20_000;

/** @throws {Error} naming what was waited for, after 20 s. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not so within ${TIMEOUT_MS} ms: ${what}`);
    await sleep(POLL_MS);
  }
}

/** Whether it runs; one that ended and waits for its parent to ask (a zombie) does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return true;
  }
}
