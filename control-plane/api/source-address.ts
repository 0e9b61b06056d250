/** Where a client may come from: an address, or a network in CIDR notation. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { reason } from './fields.ts';

const MAX_LENGTH = 64;
const ADDRESS_BITS = 32;
const ADDRESS_BITS_V6 = 128;

export function sourceAddress() {
  const error = reason('an IP address, or a network such as 10.0.0.0/8 or 2001:db8::/32');
  return z
    .string({ error })
    .max(MAX_LENGTH, { error })
    .refine((text) => networkOf(text) !== null, { error });
}

/** `10.0.0.1/32` for a bare address, and any other network as it is; null: neither one. */
export function networkOf(text: string): string | null {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = bitsOf(address);
  if (bits === 0 || rest.length > 0) return null;
  if (prefix === undefined) return `${address}/${bits}`;
  return /^(0|[1-9]\d{0,2})$/.test(prefix) && Number(prefix) <= bits ? text : null;
}

/** A zone, as in `fe80::1%eth0`, is a name on one machine only. */
function bitsOf(address: string): number {
  if (address.includes('%')) return 0;
  const version = isIP(address);
  return version === 0 ? 0 : version === 4 ? ADDRESS_BITS : ADDRESS_BITS_V6;
}
