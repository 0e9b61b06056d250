import { log } from '../abi/log.ts';

/** Writes to the proxy's log. */
export function logWarn(message: string): void {
  log(3, message);
}
