import { log } from './log.ts';

/** What the compiler calls where a program is broken: say where, then trap, as a trap has no message. */
export function onAbort(message: string | null, file: string | null, line: u32, column: u32): void {
  const where = (file === null ? '' : file) + ':' + line.toString() + ':' + column.toString();
  log(5, 'abort: ' + (message === null ? '' : message) + ' at ' + where);
  unreachable();
}
