/** Networks in CIDR form, `10.0.0.0/8` or `2001:db8::/32`; an address alone is a network of one. */
import { ADDRESS_BYTES, IPV4_OFFSET, IpAddress, smallDecimal } from './ip-address.ts';

const ADDRESS_BITS: i32 = ADDRESS_BYTES * 8;
const IPV4_BITS_BEFORE: i32 = IPV4_OFFSET * 8;

export class Network {
  private address: IpAddress;
  /** Bits from the left that an address must share. */
  private bits: i32;
  private isIpv4: boolean;

  constructor(address: IpAddress, bits: i32) {
    this.address = address;
    this.bits = bits;
    this.isIpv4 = address.isIpv4 && bits >= IPV4_BITS_BEFORE;
  }

  /**
   * Whether the address is in the network. IPv4 is in networks of IPv4 alone: `::/0` means all of IPv6 to
   * those who write it. What is no address is in none.
   */
  contains(client: IpAddress): boolean {
    if (!client.isKnown || client.isIpv4 != this.isIpv4) return false;
    const whole = this.bits >> 3;
    for (let i = 0; i < whole; i++) {
      if (unchecked(client.bytes[i]) != unchecked(this.address.bytes[i])) return false;
    }
    const rest = this.bits & 7;
    if (rest == 0) return true;
    const differ: i32 = unchecked(client.bytes[whole]) ^ unchecked(this.address.bytes[whole]);
    return differ >> (8 - rest) == 0;
  }
}

/** Null where the text is no network. Bits right of the prefix may be set and do not count. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  const address = new IpAddress(slash < 0 ? text : text.substring(0, slash));
  if (!address.isKnown) return null;
  const bitsBefore = text.indexOf(':') < 0 ? IPV4_BITS_BEFORE : 0;
  if (slash < 0) return new Network(address, ADDRESS_BITS);
  const bits = smallDecimal(text, slash + 1, text.length, ADDRESS_BITS - bitsBefore);
  return bits < 0 ? null : new Network(address, bitsBefore + bits);
}
