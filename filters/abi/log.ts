import { proxy_log } from './imports.ts';

/** Writes to the proxy's log. Levels: 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical. */
export function log(level: u32, message: string): void {
  const bytes = String.UTF8.encode(message);
  proxy_log(level, changetype<usize>(bytes), bytes.byteLength);
}
