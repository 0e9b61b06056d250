/**
 * What a backend's TLS needs of Secrets. What is wrong with one is found here: a proxy that refuses it could
 * only say so in its own words, and would be left without the backend.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../api/cluster-kinds.ts';
import type { ModelBackend } from '../api/kinds.ts';
import { problem } from '../api/problem.ts';
import type * as ir from '../ir/mesh.ts';
import type { Cluster } from './cluster.ts';
import { nameOf } from './names.ts';
import type { ReferenceProblem } from './reference-problem.ts';

export interface BackendTls {
  /** Null: there is to be none, or, with problems, it cannot be had. */
  readonly tls: ir.TargetTls | null;
  readonly secrets: readonly ir.Secret[];
  readonly problems: readonly ReferenceProblem[];
}

type Field = 'caCertificateRef' | 'clientCertificateRef';

export function tlsOf({ metadata, spec }: ModelBackend, { secrets }: Cluster): BackendTls {
  const { tls } = spec;
  if (tls === undefined) return { tls: null, secrets: [], problems: [] };
  const found: ir.Secret[] = [];
  const problems: ReferenceProblem[] = [];
  const take = (field: Field, read: (name: string, secret: Secret) => ir.Secret | string) => {
    const ref = tls[field];
    if (ref === undefined) return null;
    const name = nameOf({ namespace: metadata.namespace, name: ref.name });
    const secret = secrets.get(name);
    const result = secret === undefined ? 'does not exist: create it' : read(name, secret);
    if (typeof result !== 'string') {
      found.push(result);
      return result.name;
    }
    const at = problem(['spec', 'tls', field, 'name'], `Secret ${name} ${result}`);
    problems.push({ ...at, condition: 'InvalidCertificateRef' });
    return null;
  };
  const authorities = take('caCertificateRef', authoritiesOf);
  const certificate = take('clientCertificateRef', keyPairOf);
  if (problems.length > 0) return { tls: null, secrets: [], problems };
  return {
    tls: { serverName: tls.hostname, authorities, certificate },
    secrets: found,
    problems: [],
  };
}

/** Or what is wrong. Never says what a Secret holds. */
function authoritiesOf(name: string, secret: Secret): ir.Secret | string {
  const text = textOf(secret, 'ca.crt');
  const reason = certificateProblem('ca.crt', text);
  // Proxies find no certificate that begins on the line on which another one ends.
  return reason ?? { name: `${name}/ca`, authoritiesPem: `${blocksOf(text).join('\n')}\n` };
}

function keyPairOf(name: string, secret: Secret): ir.Secret | string {
  const certificatePem = textOf(secret, 'tls.crt');
  const privateKeyPem = textOf(secret, 'tls.key');
  const reason =
    certificateProblem('tls.crt', certificatePem) ?? keyProblem(certificatePem, privateKeyPem);
  return reason ?? { name: `${name}/tls`, certificatePem, privateKeyPem };
}

function textOf({ data, stringData }: Secret, key: string): string {
  return stringData[key] ?? Buffer.from(data[key] ?? '', 'base64').toString('utf8');
}

function certificateProblem(key: string, pem: string): string | null {
  if (pem === '') return `has no ${key}`;
  const blocks = blocksOf(pem);
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch {
    return `has a ${key} with a certificate that cannot be read`;
  }
  return blocks.length > 0 ? null : `has a ${key} without a certificate in PEM`;
}

function blocksOf(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

function keyProblem(certificatePem: string, privateKeyPem: string): string | null {
  if (privateKeyPem === '') return 'has no tls.key';
  try {
    const key = createPrivateKey(privateKeyPem);
    const isIts = new X509Certificate(certificatePem).checkPrivateKey(key);
    return isIts ? null : 'has a tls.key that is not that of its tls.crt';
  } catch {
    return 'has a tls.key that is no private key in PEM';
  }
}
