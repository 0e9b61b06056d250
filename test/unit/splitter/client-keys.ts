/** Sticky keys as they are in the world, each list the same for the same seed. */
import { randomSource } from '../../harness/random.ts';

const FIRST = [
  'ann',
  'bob',
  'chioma',
  'dmitri',
  'elena',
  'farid',
  'grace',
  'hiro',
  'ines',
  'jürgen',
];
const LAST = [
  'abe',
  'brown',
  'cruz',
  'diallo',
  'evans',
  'fischer',
  'garcia',
  'haddad',
  'ito',
  'jones',
];
const DOMAINS = ['example.com', 'mail.example.org', 'corp.example.net'];

export const KEY_KINDS: Readonly<Record<string, (count: number, seed: number) => string[]>> = {
  'user numbers': (count, seed) => numbered(count, (i) => `user-${i + seed}`),
  'plain numbers': (count, seed) => numbered(count, (i) => String(1_000_000 + i + seed)),
  uuids: (count, seed) => {
    const random = randomSource(seed);
    return numbered(count, () => uuid(random));
  },
  emails: (count, seed) => numbered(count, (i) => email(i + seed)),
  addresses: (count, seed) =>
    numbered(count, (i) => `10.${(seed + (i >> 16)) & 255}.${(i >> 8) & 255}.${i & 255}`),
  tokens: (count, seed) => {
    const random = randomSource(seed);
    return numbered(count, () => Buffer.from(bytes(24, random)).toString('base64url'));
  },
};

function numbered(count: number, key: (i: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => key(i));
}

/** Different for different `i`. */
function email(i: number): string {
  const first = FIRST[i % 10];
  const last = LAST[Math.floor(i / 10) % 10];
  return `${first}.${last}${Math.floor(i / 100)}@${DOMAINS[i % 3]}`;
}

function uuid(random: (bound: number) => number): string {
  const raw = Buffer.from(bytes(16, random));
  raw.writeUInt8((raw.readUInt8(6) & 0x0f) | 0x40, 6);
  raw.writeUInt8((raw.readUInt8(8) & 0x3f) | 0x80, 8);
  return raw.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function bytes(count: number, random: (bound: number) => number): number[] {
  return Array.from({ length: count }, () => random(256));
}
