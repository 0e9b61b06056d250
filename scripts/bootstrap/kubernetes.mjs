/**
 * Gets the servers that the ring `kubernetes` tests with: those in KUBEBUILDER_ASSETS, or built by Go from
 * the module proxy into .cache. Only this ring needs Go.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from './executable.mjs';
import { excerpt, runQuietly } from './process.mjs';
import { Unprepared } from './unprepared.mjs';

const STAMP = 'modelweir-stamp';
const VERSION_PACKAGE = 'k8s.io/component-base/version';

/** Each in a Go module of its own under test/kubernetes: their dependencies need not agree. */
const MODULES = [
  { folder: 'etcd', packages: { etcd: 'go.etcd.io/etcd/server/v3' }, about: 'a minute' },
  {
    folder: 'servers',
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
  for (const module of MODULES) await prepareModule(root, folder, module, say);
  return folder;
}

function checked(folder) {
  const missing = ['etcd', 'kube-apiserver'].filter((name) => !isExecutable(join(folder, name)));
  if (missing.length === 0) return folder;
  const reason = `${missing.join(' and ')} cannot be run there`;
  throw new Unprepared(`KUBEBUILDER_ASSETS is ${folder}: ${reason}. Unset it to have them built`);
}

async function prepareModule(root, folder, { folder: name, packages, about }, say) {
  const source = join(root, 'test', 'kubernetes', name);
  const sums = readFileSync(join(source, 'go.mod'), 'utf8') + readFileSync(join(source, 'go.sum'));
  const hash = createHash('sha256').update(sums).digest('hex');
  const wanted = `${hash} ${process.platform}-${process.arch}`;
  const stamp = join(folder, `${name}.${STAMP}`);
  const programs = Object.keys(packages);
  const isThere = programs.every((program) => isExecutable(join(folder, program)));
  if (isThere && contentOf(stamp) === wanted) return;
  const started = Date.now();
  say(`building ${programs.join(' and ')} with Go (${about})`);
  mkdirSync(folder, { recursive: true });
  for (const [program, path] of Object.entries(packages)) {
    await build(source, join(folder, program), path);
  }
  writeFileSync(stamp, wanted);
  say(`built ${programs.join(' and ')} in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Aside, then renamed: a program that is there is whole. */
async function build(source, program, path) {
  const partial = `${program}.partial`;
  rmSync(partial, { force: true });
  const flags = ['-trimpath', '-ldflags', linkerFlags(source), '-o', partial];
  const { code, output } = await runQuietly('go', ['build', ...flags, path], {
    cwd: source,
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  if (code === 127) {
    throw new Unprepared(
      'the Kubernetes ring needs Go (https://go.dev/dl) to build its servers, or KUBEBUILDER_ASSETS',
    );
  }
  if (code !== 0) throw new Unprepared(`${path} does not build. Go says:\n${excerpt(output)}`);
  renameSync(partial, program);
}

/** Clients decide by the version what a server can do, and without these flags it says v0.0.0. */
function linkerFlags(source) {
  const module = readFileSync(join(source, 'go.mod'), 'utf8');
  const version = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/.exec(module);
  if (version === null) return '-s -w';
  const [, whole, major, minor] = version;
  const values = { gitVersion: whole, gitMajor: major, gitMinor: minor };
  const stamped = Object.entries(values).map(([key, is]) => `-X ${VERSION_PACKAGE}.${key}=${is}`);
  return ['-s', '-w', ...stamped].join(' ');
}

function contentOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
