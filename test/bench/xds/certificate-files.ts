/** Certificates of one run, of one authority: the server's and the proxies'. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAuthority } from '../../harness/certificates.ts';

/** PEM files. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

export interface BothSides {
  readonly server: CertificateFiles;
  readonly proxy: CertificateFiles;
}

export async function writeCertificates(folder: string): Promise<BothSides> {
  const authority = await makeAuthority('bench');
  const authorityFile = join(folder, 'authority.pem');
  await writeFile(authorityFile, authority.certificate);
  const issue = async (side: string, names: readonly string[]): Promise<CertificateFiles> => {
    const pair = await authority.issue(names);
    const files = { certificate: join(folder, `${side}.pem`), key: join(folder, `${side}.key`) };
    await writeFile(files.certificate, pair.certificate);
    await writeFile(files.key, pair.key, { mode: 0o600 });
    return { ...files, authority: authorityFile };
  };
  return {
    server: await issue('server', ['localhost', '127.0.0.1']),
    proxy: await issue('proxy', ['spiffe://cluster.local/ns/default/sa/proxy']),
  };
}

/** As both servers' command lines take them. */
export function tlsArguments(files: CertificateFiles | null): string[] {
  if (files === null) return [];
  const { certificate, key, authority } = files;
  return ['--tls-cert', certificate, '--tls-key', key, '--tls-client-ca', authority];
}
