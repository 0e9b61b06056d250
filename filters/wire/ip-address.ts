/**
 * Internet addresses in text, strict and never trapping. All are kept in IPv6's form, where IPv4 has a
 * place of its own (`::ffff:a.b.c.d`), so that an address is the same however it is written.
 */

export const ADDRESS_BYTES: i32 = 16;
/** Where an IPv4 address stands in these bytes. */
export const IPV4_OFFSET: i32 = 12;
/** No address is longer, RFC 4291's longest form included. */
const MAX_TEXT_LENGTH: i32 = 45;
const NO_GAP: i32 = -1;

export class IpAddress {
  readonly bytes: Uint8Array = new Uint8Array(ADDRESS_BYTES);
  /** Whether the text was an address. */
  isKnown: boolean = false;
  /** Whether it is one of IPv4, in whichever form. */
  isIpv4: boolean = false;

  /** Zone ids, ports, brackets and octets with leading zeros make it no address. */
  constructor(text: string) {
    this.isKnown = text.length <= MAX_TEXT_LENGTH && this.read(text);
    this.isIpv4 = this.isKnown && this.isMapped();
  }

  private read(text: string): boolean {
    if (text.indexOf(':') >= 0) return this.readIpv6(text);
    this.bytes[10] = 0xff;
    this.bytes[11] = 0xff;
    return this.readIpv4(text, 0, IPV4_OFFSET);
  }

  /** Groups of four hex digits; `::` stands for as many zeros as are missing, IPv4 may be the end. */
  private readIpv6(text: string): boolean {
    let size = 0;
    let gap = NO_GAP;
    let at = 0;
    if (text.startsWith('::')) {
      gap = 0;
      at = 2;
    }
    while (at < text.length) {
      const colon = text.indexOf(':', at);
      const to = colon < 0 ? text.length : colon;
      if (colon < 0 && text.indexOf('.', at) >= 0) {
        if (size > IPV4_OFFSET || !this.readIpv4(text, at, size)) return false;
        size += 4;
        break;
      }
      const group = size < ADDRESS_BYTES ? hexGroup(text, at, to) : -1;
      if (group < 0) return false;
      this.bytes[size++] = group >> 8;
      this.bytes[size++] = group & 0xff;
      if (colon < 0) break;
      at = colon + 1;
      // A colon at the end is one only as part of `::`.
      if (at == text.length) return false;
      if (text.charCodeAt(at) != 0x3a) continue;
      if (gap != NO_GAP) return false;
      gap = size;
      at++;
    }
    if (gap == NO_GAP) return size == ADDRESS_BYTES;
    if (size == ADDRESS_BYTES) return false;
    this.widen(gap, size);
    return true;
  }

  /** Moves what follows `::` to the end. */
  private widen(gap: i32, size: i32): void {
    const missing = ADDRESS_BYTES - size;
    for (let i = size - 1; i >= gap; i--) {
      this.bytes[i + missing] = this.bytes[i];
      this.bytes[i] = 0;
    }
  }

  /** Four decimal numbers from `from` to the end of the text. */
  private readIpv4(text: string, from: i32, offset: i32): boolean {
    let at = from;
    for (let i = 0; i < 4; i++) {
      const dot = text.indexOf('.', at);
      if (i < 3 ? dot < 0 : dot >= 0) return false;
      const to = i < 3 ? dot : text.length;
      const octet = smallDecimal(text, at, to, 255);
      if (octet < 0) return false;
      this.bytes[offset + i] = octet;
      at = to + 1;
    }
    return true;
  }

  private isMapped(): boolean {
    for (let i = 0; i < 10; i++) if (this.bytes[i] != 0) return false;
    return this.bytes[10] == 0xff && this.bytes[11] == 0xff;
  }
}

/** A number of one to three digits from `from` to `to`, or -1. Leading zeros mean octal to some readers. */
export function smallDecimal(text: string, from: i32, to: i32, max: i32): i32 {
  const size = to - from;
  if (size < 1 || size > 3) return -1;
  if (size > 1 && text.charCodeAt(from) == 0x30) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= max ? value : -1;
}

function hexGroup(text: string, from: i32, to: i32): i32 {
  if (to == from || to - from > 4) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = hexDigit(text.charCodeAt(i));
    if (digit < 0) return -1;
    value = (value << 4) | digit;
  }
  return value;
}

function hexDigit(c: i32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
