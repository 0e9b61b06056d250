/** Where Istio's programs are: `scripts/bootstrap.mjs --istio` says it, or a user does. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export type IstioProgram = 'pilot-discovery' | 'pilot-agent' | 'istioctl' | 'pod-redirect';

/** @throws {Error} when there is no such file. */
export function istioProgram(name: IstioProgram | 'envoy_bootstrap.json'): string {
  const folder = process.env['ISTIO_ASSETS'] ?? '';
  const file = join(folder, name);
  if (folder !== '' && existsSync(file)) return file;
  throw new Error(`no ${name} in ISTIO_ASSETS="${folder}": use npm run test:istio`);
}
