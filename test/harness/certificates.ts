/** Certificates for tests: an authority, and what it signs, with SPIFFE URIs and DNS names. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  /** PEM. */
  readonly certificate: string;
  /** `names`: `spiffe://...` is a URI, an IP address one, and anything else a DNS name. */
  issue(names: readonly string[], options?: { readonly validMs?: number }): Promise<PemPair>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 3600 * 1000;
let serial = 1;

export async function makeAuthority(name: string): Promise<Authority> {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(DAY_MS),
    name: `CN=${name}`,
    keys: keys as never,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    certificate: certificate.toString('pem'),
    issue: async (names, { validMs = DAY_MS } = {}) => {
      const own = (await webcrypto.subtle.generateKey(ALGORITHM, true, [
        'sign',
        'verify',
      ])) as webcrypto.CryptoKeyPair;
      const issued = await X509CertificateGenerator.create({
        ...validity(validMs),
        subject: '',
        issuer: certificate.subject,
        publicKey: own.publicKey as never,
        signingKey: keys.privateKey as never,
        signingAlgorithm: ALGORITHM,
        extensions: [
          new SubjectAlternativeNameExtension(names.map(generalName), true),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        ],
      });
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey));
      const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
      return {
        certificate: issued.toString('pem'),
        key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
      };
    },
  };
}

function validity(validMs: number) {
  const nowMs = Date.now();
  return {
    serialNumber: (serial++).toString(16).padStart(2, '0'),
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(nowMs + validMs),
  };
}

function generalName(name: string): JsonGeneralName {
  if (name.includes('://')) return { type: 'url', value: name };
  return { type: /^[\d.]+$|:/.test(name) ? 'ip' : 'dns', value: name };
}
