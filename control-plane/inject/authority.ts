/**
 * A certificate for the webhook, of an authority that exists for it alone: its key is thrown away at once, so
 * nobody can ever issue another one that API servers would trust.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Issued } from './rotation.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of API servers may be behind. */
const BACKDATED_MS = 3_600_000;
const SERIAL_BYTES = 16;

/** `names`: DNS names and IP addresses. */
export async function issue(
  names: readonly string[],
  nowMs: number,
  validMs: number,
): Promise<Issued> {
  const [authorityKeys, keys] = [await newKeys(), await newKeys()];
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity(nowMs, validMs),
    // Several may be trusted at one time: each has a name of its own.
    name: `CN=modelweir-injector-${randomBytes(4).toString('hex')}`,
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  const certificate = await X509CertificateGenerator.create({
    ...validity(nowMs, validMs),
    subject: 'CN=modelweir-injector',
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new SubjectAlternativeNameExtension(names.map(generalName)),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    ],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: pem('PRIVATE KEY', der),
    authority: `${authority.toString('pem')}\n`,
  };
}

async function newKeys() {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity(nowMs: number, validMs: number) {
  const serial = randomBytes(SERIAL_BYTES);
  // It is a positive number, without leading zeros.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return {
    serialNumber: serial.toString('hex'),
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + validMs),
  };
}

function generalName(name: string): JsonGeneralName {
  return { type: /^[\d.]+$|:/.test(name) ? 'ip' : 'dns', value: name };
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
