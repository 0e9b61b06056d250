/** Where the servers of the Kubernetes ring are: `scripts/bootstrap.mjs --kubernetes` says it, or a user does. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** @throws {Error} when there is no such program. */
export function program(name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager'): string {
  const folder = process.env['KUBEBUILDER_ASSETS'] ?? '';
  const file = join(folder, name);
  if (folder !== '' && existsSync(file)) return file;
  throw new Error(`no ${name} in KUBEBUILDER_ASSETS="${folder}": use npm run test:kubernetes`);
}
