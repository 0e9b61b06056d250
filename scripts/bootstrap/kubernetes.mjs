/**
 * Gets the servers that the ring `kubernetes` tests with: those in KUBEBUILDER_ASSETS, or built by Go from
 * the module proxy into .cache. Only this ring, and `istio` with it, needs Go.
 */
import { join } from 'node:path';
import { isExecutable } from './executable.mjs';
import { prepareGoPrograms } from './go-programs.mjs';
import { Unprepared } from './unprepared.mjs';

const VERSION_PACKAGE = 'k8s.io/component-base/version';

/** Each in a Go module of its own under test/kubernetes: their dependencies need not agree. */
const MODULES = [
  { name: 'etcd', packages: { etcd: 'go.etcd.io/etcd/server/v3' }, about: 'a minute' },
  {
    name: 'servers',
    packages: {
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
    },
    about: '5 to 15 minutes the first time',
  },
];

/** Returns the folder of the programs. @throws {Unprepared} when they are neither given nor can be built. */
export async function prepareKubernetes(root, say) {
  const given = process.env.KUBEBUILDER_ASSETS;
  if (given !== undefined && given !== '') return checked(given);
  const folder = join(root, '.cache', 'kubernetes');
  for (const module of MODULES) {
    const source = join(root, 'test', 'kubernetes', module.name);
    const more = { source, linkerFlags, otherwise: 'KUBEBUILDER_ASSETS' };
    await prepareGoPrograms(folder, { ...module, ...more }, say);
  }
  return folder;
}

function checked(folder) {
  const missing = ['etcd', 'kube-apiserver'].filter((name) => !isExecutable(join(folder, name)));
  if (missing.length === 0) return folder;
  const reason = `${missing.join(' and ')} cannot be run there`;
  throw new Unprepared(`KUBEBUILDER_ASSETS is ${folder}: ${reason}. Unset it to have them built`);
}

/** Clients decide by the version what a server can do, and without these flags it says v0.0.0. */
function linkerFlags(goMod) {
  const version = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/.exec(goMod);
  if (version === null) return [];
  const [, whole, major, minor] = version;
  const values = { gitVersion: whole, gitMajor: major, gitMinor: minor };
  return Object.entries(values).map(([key, is]) => `-X ${VERSION_PACKAGE}.${key}=${is}`);
}
