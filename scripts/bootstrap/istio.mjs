/**
 * Gets what the ring `istio` tests with: Istio's programs, those in ISTIO_ASSETS or built by Go from the module
 * proxy into .cache, and the template that its agent makes Envoy's bootstrap of.
 */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from './executable.mjs';
import { askGo, prepareGoPrograms } from './go-programs.mjs';
import { Unprepared } from './unprepared.mjs';

/** The module proxy has no release of Istio, only this state of its main branch. Keep it with go.mod. */
const VERSION = '1.31-dev';
const TEMPLATE = 'envoy_bootstrap.json';
const DEFINITIONS = 'crd-all.gen.yaml';
/** Of Istio's module, by what they are called here. */
const FILES = {
  [TEMPLATE]: ['tools', 'packaging', 'common', TEMPLATE],
  [DEFINITIONS]: ['manifests', 'charts', 'base', 'files', DEFINITIONS],
};

const PACKAGES = {
  'pilot-discovery': 'istio.io/istio/pilot/cmd/pilot-discovery',
  'pilot-agent': 'istio.io/istio/pilot/cmd/pilot-agent',
  istioctl: 'istio.io/istio/istioctl/cmd/istioctl',
  // Ours.
  'pod-redirect': './pod-redirect',
};

/** Returns the folder of the programs. @throws {Unprepared} when they are neither given nor can be built. */
export async function prepareIstio(root, say) {
  const given = process.env.ISTIO_ASSETS;
  if (given !== undefined && given !== '') return checked(given);
  const folder = join(root, '.cache', 'istio');
  const source = join(root, 'test', 'istio', 'servers');
  const module = {
    source,
    name: 'servers',
    packages: PACKAGES,
    about: '5 to 10 minutes the first time',
    otherwise: 'ISTIO_ASSETS',
    linkerFlags: () => [`-X istio.io/istio/pkg/version.buildVersion=${VERSION}`],
  };
  const wasBuilt = await prepareGoPrograms(folder, module, say);
  await prepareFiles(source, folder, wasBuilt);
  return folder;
}

/** Returns the file of Istio's custom resource definitions, for whom needs no more of it. */
export async function prepareIstioDefinitions(root) {
  const given = process.env.ISTIO_ASSETS;
  const folder = given || join(root, '.cache', 'istio');
  if (!given) await prepareFiles(join(root, 'test', 'istio', 'servers'), folder, false);
  return join(folder, DEFINITIONS);
}

async function prepareFiles(source, folder, isStale) {
  const wanted = Object.entries(FILES).filter(
    ([name]) => isStale || !existsSync(join(folder, name)),
  );
  if (wanted.length === 0) return;
  const { Dir } = JSON.parse(await askGo(source, ['mod', 'download', '-json', 'istio.io/istio']));
  mkdirSync(folder, { recursive: true });
  for (const [name, path] of wanted) copyFileSync(join(Dir, ...path), join(folder, name));
}

function checked(folder) {
  const missing = Object.keys(PACKAGES).filter((name) => !isExecutable(join(folder, name)));
  missing.push(...Object.keys(FILES).filter((name) => !existsSync(join(folder, name))));
  if (missing.length === 0) return folder;
  const reason = `${missing.join(' and ')} cannot be used there`;
  throw new Unprepared(`ISTIO_ASSETS is ${folder}: ${reason}. Unset it to have all built`);
}
