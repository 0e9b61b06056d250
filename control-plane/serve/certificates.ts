/**
 * The server's certificate and the authorities that it trusts, read again when their files change. A
 * rotation that went wrong changes nothing: the last good ones stay in use.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { experimental, type ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';

/** PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  /** Of the authorities that proxies' certificates come from. */
  readonly clientAuthorities: string;
}

export interface CertificateOptions {
  readonly files: CertificateFiles;
  readonly logger: Logger;
  /** How often the files are looked at. */
  readonly pollMs?: number;
}

const DEFAULT_POLL_MS = 5000;

interface Certificates {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
  readonly caCertificate: Buffer;
}

type Provider = Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type IdentityListener = Parameters<Provider['addIdentityCertificateListener']>[0];
type AuthorityListener = Parameters<Provider['addCaCertificateListener']>[0];

/** What the gRPC library asks for certificates. Connections that stand keep theirs. */
export class CertificateStore implements Provider {
  readonly #options: CertificateOptions;
  readonly #identities = new Set<IdentityListener>();
  readonly #authorities = new Set<AuthorityListener>();
  readonly #timer: NodeJS.Timeout;
  #current: Certificates;

  /** @throws {Error} naming the file that cannot be used. */
  static async open(options: CertificateOptions): Promise<CertificateStore> {
    return new CertificateStore(options, await load(options.files));
  }

  private constructor(options: CertificateOptions, current: Certificates) {
    this.#options = options;
    this.#current = current;
    this.#timer = setInterval(() => void this.reload(), options.pollMs ?? DEFAULT_POLL_MS);
    this.#timer.unref();
  }

  /** Clients must have a certificate of a trusted authority. */
  credentials(): ServerCredentials {
    return experimental.createCertificateProviderServerCredentials(this, this, true);
  }

  /** Looks at the files now. */
  async reload(): Promise<void> {
    try {
      const found = await load(this.#options.files);
      if (isEqual(found, this.#current)) return;
      this.#current = found;
      for (const listener of this.#identities) listener(found);
      for (const listener of this.#authorities) listener(found);
      this.#options.logger.info('certificates taken up');
    } catch (error) {
      const reason = (error as Error).message;
      this.#options.logger.error(
        { reason },
        'certificates not taken up: the last ones stay in use',
      );
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identities.add(listener);
    // Not at once: the library is ready for it only after this call.
    process.nextTick(() => listener(this.#current));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identities.delete(listener);
  }

  addCaCertificateListener(listener: AuthorityListener): void {
    this.#authorities.add(listener);
    process.nextTick(() => listener(this.#current));
  }

  removeCaCertificateListener(listener: AuthorityListener): void {
    this.#authorities.delete(listener);
  }
}

async function load(files: CertificateFiles): Promise<Certificates> {
  const [certificate, privateKey, caCertificate] = await Promise.all([
    read(files.certificate),
    read(files.key),
    read(files.clientAuthorities),
  ]);
  try {
    // Half a rotation is a certificate with another's key.
    createSecureContext({ cert: certificate, key: privateKey, ca: caCertificate });
    // TLS itself takes the first of a bundle and passes over what it cannot read.
    for (const one of certificatesOf(caCertificate)) new X509Certificate(one);
  } catch (error) {
    // Not the library's own words: they may quote what is in the file.
    const code = (error as { code?: string }).code ?? 'not PEM';
    const names = `${files.certificate}, ${files.key}, ${files.clientAuthorities}`;
    throw new Error(`${names} cannot be used together (${code})`);
  }
  return { certificate, privateKey, caCertificate };
}

function certificatesOf(bundle: Buffer): string[] {
  return bundle
    .toString()
    .split(/(?=-----BEGIN CERTIFICATE-----)/)
    .filter((one) => /\S/.test(one));
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Error(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function isEqual(a: Certificates, b: Certificates): boolean {
  return (
    a.certificate.equals(b.certificate) &&
    a.privateKey.equals(b.privateKey) &&
    a.caCertificate.equals(b.caCertificate)
  );
}
