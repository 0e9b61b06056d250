/** How proxies reach the control plane: TLS on both sides, or plain text where nobody else can listen. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Command } from 'commander';
import type { Logger } from 'pino';
import { parse } from 'yaml';
import { z } from 'zod';
import { list, object, text } from '../api/fields.ts';
import type { CertificateStore } from '../serve/certificates.ts';
import type { AccessRule } from '../serve/identity.ts';
import { CommandFailure } from './failure.ts';

export interface TlsOptions {
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly tlsClientCa: string | undefined;
  readonly proxyAccess: string | undefined;
  readonly plaintext: boolean;
}

export interface ProxySecurity {
  /** Null: plain text. */
  readonly certificates: CertificateStore | null;
  /** Null: every proxy may see everything. */
  readonly access: readonly AccessRule[] | null;
}

const MAX_RULES = 10_000;
const MAX_PATTERN_LENGTH = 2048;

export function withTls(command: Command): Command {
  return command
    .option('--tls-cert <file>', 'certificate of the xDS port (PEM); with it proxies need one, too')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('--tls-client-ca <file>', "authorities of the proxies' certificates (PEM)")
    .option('--proxy-access <file>', 'which proxy may see which namespaces, by its certificate')
    .option(
      '--plaintext',
      'no TLS on the xDS port although others than this machine reach it',
      false,
    );
}

/** @throws CommandFailure naming the option that is missing or wrong. */
export async function proxySecurity(
  options: TlsOptions,
  host: string,
  logger: Logger,
): Promise<ProxySecurity> {
  const { tlsCert, tlsKey, tlsClientCa, proxyAccess } = options;
  const given = [tlsCert, tlsKey, tlsClientCa].filter((file) => file !== undefined);
  if (given.length === 0) {
    if (proxyAccess !== undefined) {
      throw new CommandFailure('--proxy-access goes by certificates: give --tls-cert, too', 2);
    }
    checkPlaintext(options, host, logger);
    return { certificates: null, access: null };
  }
  if (tlsCert === undefined || tlsKey === undefined || tlsClientCa === undefined) {
    throw new CommandFailure('give all of --tls-cert, --tls-key and --tls-client-ca', 2);
  }
  const { CertificateStore } = await import('../serve/certificates.ts');
  const files = { certificate: tlsCert, key: tlsKey, clientAuthorities: tlsClientCa };
  const certificates = await CertificateStore.open({ files, logger }).catch((error: Error) => {
    throw new CommandFailure(error.message, 2);
  });
  const access = proxyAccess === undefined ? null : await readAccess(proxyAccess);
  return { certificates, access };
}

function checkPlaintext({ plaintext }: TlsOptions, host: string, logger: Logger): void {
  if (isLoopback(host)) return;
  if (!plaintext) {
    const fix =
      'give --tls-cert, --tls-key and --tls-client-ca, or --plaintext if the network is safe';
    throw new CommandFailure(`${host} is not loopback, and xDS would be in plain text: ${fix}`, 2);
  }
  logger.warn(
    { host },
    'xDS IS IN PLAIN TEXT: whoever reaches the port can read the configuration',
  );
}

function isLoopback(host: string): boolean {
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host === 'localhost';
}

const rule = object({
  identity: text('a SPIFFE URI or DNS name, with * and {namespace}', MAX_PATTERN_LENGTH, /^\S+$/),
  namespaces: list(text('a namespace, or *', 253, /^(\*|[a-z0-9-]+)$/), 1, MAX_RULES).optional(),
});
const rules = list(rule, 1, MAX_RULES);

async function readAccess(file: string): Promise<readonly AccessRule[]> {
  try {
    return rules.parse(parse(await readFile(file, 'utf8')));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new CommandFailure(`--proxy-access ${file}: ${reason}`, 2);
  }
}
