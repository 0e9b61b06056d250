/** Arguments of the command line, from text to what the commands need. */
import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { headerName } from '../api/names.ts';

export function port(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 65535) return value;
  throw new InvalidArgumentError('must be a port from 0 to 65535; 0 takes any free one');
}

/** A parser of whole numbers in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}`);
  };
}

/** Names of headers know no case; ours are in lower case. */
export function header(text: string): string {
  const parsed = headerName().safeParse(text.toLowerCase());
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(parsed.error.issues.map(({ message }) => message).join('; '));
}

/** Part of names of objects, and the value of a label. */
export function revision(text: string): string {
  if (/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('must be up to 32 lower-case letters, digits and dashes');
}

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** `127.0.0.1:8080` or `[::1]:8080`. */
export function socketAddress(text: string): SocketAddress {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d+)$/.exec(text);
  const address = match?.groups?.['six'] ?? match?.groups?.['four'] ?? '';
  if (isIP(address) === 0) {
    throw new InvalidArgumentError('must be IP:PORT, such as 127.0.0.1:8080 or [::1]:8080');
  }
  return { address, port: port(match?.groups?.['port'] ?? '') };
}
