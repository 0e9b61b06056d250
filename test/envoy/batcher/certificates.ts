/**
 * X.509 certificates of an hour, made on the spot: Node signs, but writes none. Just what mutual TLS wants of
 * a test: an authority, and leaves with names.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface Names {
  readonly common: string;
  /** `spiffe://...` */
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
}

export interface Authority extends Certificate {
  issue(names: Names): Certificate;
}

const HOUR_MS = 3_600_000;

const SEQUENCE = 0x30;
const SET = 0x31;
const OBJECT_ID = 0x06;
const COMMON_NAME = [0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const SIGNATURE = der(SEQUENCE, der(OBJECT_ID, Buffer.from(ECDSA_WITH_SHA256)));

export function createAuthority(common: string): Authority {
  const { publicKey, privateKey } = keyPair();
  const isAuthority = extension(BASIC_CONSTRAINTS, der(SEQUENCE, der(0x01, Buffer.from([0xff]))));
  const own = certificate({ common }, common, publicKey, isAuthority, privateKey);
  return {
    certificate: own,
    key: pemOf(privateKey),
    issue: (names) => {
      const leaf = keyPair();
      const alternatives = extension(SUBJECT_ALT_NAME, der(SEQUENCE, ...alternativesOf(names)));
      return {
        certificate: certificate(names, common, leaf.publicKey, alternatives, privateKey),
        key: pemOf(leaf.privateKey),
      };
    },
  };
}

function keyPair() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function certificate(
  { common }: Names,
  issuer: string,
  subjectKey: KeyObject,
  extensions: Buffer,
  signer: KeyObject,
): string {
  const now = Date.now();
  const signed = der(
    SEQUENCE,
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    SIGNATURE,
    nameOf(issuer),
    der(SEQUENCE, timeOf(now - HOUR_MS), timeOf(now + HOUR_MS)),
    nameOf(common),
    subjectKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(SEQUENCE, extensions)),
  );
  const whole = der(SEQUENCE, signed, SIGNATURE, bits(sign('sha256', signed, signer)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function alternativesOf({ uris = [], dnsNames = [] }: Names): Buffer[] {
  const dns = dnsNames.map((name) => der(0x82, Buffer.from(name)));
  return [...dns, ...uris.map((uri) => der(0x86, Buffer.from(uri)))];
}

/** A critical one. */
function extension(id: readonly number[], value: Buffer): Buffer {
  const critical = der(0x01, Buffer.from([0xff]));
  return der(SEQUENCE, der(OBJECT_ID, Buffer.from(id)), critical, der(0x04, value));
}

function nameOf(common: string): Buffer {
  const id = der(OBJECT_ID, Buffer.from(COMMON_NAME));
  return der(SEQUENCE, der(SET, der(SEQUENCE, id, der(0x0c, Buffer.from(common)))));
}

/** Two digits of the year, as certificates have it until 2049. */
function timeOf(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

/** Of a number whose first byte is below 0x80: it is above 0. */
function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function bits(bytes: Buffer): Buffer {
  return der(0x03, Buffer.from([0]), bytes);
}

/** A tag, the length of what follows, and that. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
