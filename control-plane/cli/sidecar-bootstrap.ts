/** What Istio's sidecars add to their bootstrap in the direct mode, from the options of `serve`. */
import { readFile } from 'node:fs/promises';
import type { OverrideOptions } from '../inject/bootstrap-override.ts';
import { MODULES_CLUSTER } from '../xds/module-code.ts';
import type { TranslateOptions } from '../xds/translate.ts';
import { CommandFailure } from './failure.ts';
import type { InjectedProxy } from './proxy-options.ts';
import type { TlsOptions } from './tls.ts';

/** @throws CommandFailure where the authority cannot be read. */
export async function bootstrapOf(
  options: InjectedProxy & TlsOptions,
  { moduleServer }: TranslateOptions,
): Promise<OverrideOptions> {
  const { proxyXds: xds, proxyServerName, proxyAuthority, tlsCert } = options;
  const serverName = proxyServerName ?? xds.host;
  return {
    xds,
    tls:
      tlsCert === undefined
        ? null
        : { serverName, subjects: [serverName], authority: await authorityOf(proxyAuthority) },
    modules:
      moduleServer === null || moduleServer === undefined
        ? null
        : { cluster: MODULES_CLUSTER, address: moduleServer },
    // What a sidecar gets is that of its namespace, which is known by its id.
    namespaces: null,
  };
}

async function authorityOf(file: string | undefined): Promise<'mesh' | { readonly pem: string }> {
  if (file === undefined) return 'mesh';
  try {
    return { pem: await readFile(file, 'utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(`--proxy-authority ${file} cannot be read (${code})`, 2);
  }
}
