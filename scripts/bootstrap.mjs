/**
 * First half of every npm script: `node scripts/bootstrap.mjs [options] -- <command...>`.
 * Makes sure that packages, Node 24, Envoy and the built filters are there, then runs the command.
 * Plain JavaScript for Node 20 and newer with nothing installed; it must not know what the command does.
 *
 * Options: --quiet (say nothing on success), --no-envoy, --no-filters (leave that part out), --clients (get
 * the Python clients of the tests as well), --kubernetes (an API server, too), --istio (an Istio as well).
 */
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareEnvoy } from './bootstrap/envoy.mjs';
import { prepareIstio, prepareIstioDefinitions } from './bootstrap/istio.mjs';
import { prepareKubernetes } from './bootstrap/kubernetes.mjs';
import { withLock } from './bootstrap/lock.mjs';
import { prepareNode } from './bootstrap/node-binary.mjs';
import { preparePackages } from './bootstrap/packages.mjs';
import { run, runQuietly } from './bootstrap/process.mjs';
import { preparePythonClients } from './bootstrap/python-clients.mjs';
import { Unprepared } from './bootstrap/unprepared.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const usage =
  'usage: node scripts/bootstrap.mjs [--quiet] [--no-envoy] [--no-filters] [--clients] [--kubernetes] [--istio] -- <command...>';

try {
  const { flags, command } = parseArguments(process.argv.slice(2));
  // Everything goes to stderr, so that the command's own output can be piped.
  const say = flags.has('--quiet') ? () => {} : (text) => console.error(`modelweir: ${text}`);
  const environment = await withLock(join(root, '.cache', 'bootstrap.lock'), say, () =>
    prepare(flags, say),
  );
  process.exitCode = await run(command[0], command.slice(1), { env: environment });
} catch (problem) {
  if (!(problem instanceof Unprepared)) throw problem;
  console.error(`modelweir: ${problem.message}`);
  process.exitCode = problem.exitCode;
}

/** Brings everything up to date; returns the environment in which the command runs. */
async function prepare(flags, say) {
  await preparePackages(root, say);
  const node = await prepareNode(root, say);
  const paths = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH];
  const environment = { ...process.env, PATH: paths.join(delimiter) };
  if (!flags.has('--no-envoy')) await prepareEnvoy(root, say);
  if (flags.has('--clients')) await preparePythonClients(root, say);
  if (flags.has('--kubernetes')) {
    environment.KUBEBUILDER_ASSETS = await prepareKubernetes(root, say);
    environment.MODELWEIR_ISTIO_CRDS = await prepareIstioDefinitions(root);
  }
  if (flags.has('--istio')) environment.ISTIO_ASSETS = await prepareIstio(root, say);
  if (!flags.has('--no-filters')) await buildFilters(node, environment, flags.has('--quiet'));
  return environment;
}

/** The builder prints nothing when all is up to date; what it does print shows that it works. */
async function buildFilters(node, environment, isQuiet) {
  const args = [join(root, 'scripts', 'build-filters.ts')];
  const options = { cwd: root, env: environment };
  if (isQuiet) {
    const { code, output } = await runQuietly(node, args, options);
    if (code !== 0) throw new Unprepared(`the filters do not build:\n${output}`);
  } else {
    const code = await run(node, args, {
      ...options,
      stdio: ['ignore', process.stderr, 'inherit'],
    });
    if (code !== 0) throw new Unprepared('the filters do not build', code);
  }
}

function parseArguments(words) {
  const known = ['--quiet', '--no-envoy', '--no-filters', '--clients', '--kubernetes', '--istio'];
  const separator = words.indexOf('--');
  const flags = new Set(separator < 0 ? words : words.slice(0, separator));
  const unknown = [...flags].find((flag) => !known.includes(flag));
  if (unknown !== undefined) throw new Unprepared(`unknown option ${unknown}; ${usage}`, 2);
  const command = separator < 0 ? [] : words.slice(separator + 1);
  if (command.length === 0) throw new Unprepared(`no command; ${usage}`, 2);
  if (!existsSync(join(root, 'package-lock.json'))) {
    throw new Unprepared(`${root} has no package-lock.json: is the checkout complete?`);
  }
  return { flags, command };
}
