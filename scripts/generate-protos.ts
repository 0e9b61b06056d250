/**
 * Makes control-plane/xds/gen: the message types of Envoy's API that we use, and what they import,
 * from the descriptors in the Python package xds-protos. The result is committed, so that building
 * and running needs neither Python nor a network.
 *
 *   node scripts/generate-protos.ts                  generate
 *   node scripts/generate-protos.ts --check          gen is what these inputs made (fast, offline)
 *   node scripts/generate-protos.ts --check --full   generate again elsewhere and compare every file
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const GEN = join(ROOT, 'control-plane/xds/gen');
const MANIFEST = 'manifest.json';

/** Python packages; `protobuf` only reads the descriptors. */
const PYTHON_PACKAGES = ['xds-protos==1.85.0', 'protobuf==7.36.2'];
const PLUGIN_OPTIONS = ['target=js+dts', 'import_extension=js'];

/** What we name ourselves; everything they import comes along. */
const PROTOS = [
  'envoy/config/cluster/v3/cluster.proto',
  'envoy/config/endpoint/v3/endpoint.proto',
  'envoy/config/listener/v3/listener.proto',
  'envoy/config/route/v3/route.proto',
  'envoy/extensions/access_loggers/stats/v3/stats.proto',
  'envoy/extensions/clusters/aggregate/v3/cluster.proto',
  'envoy/extensions/filters/http/upstream_codec/v3/upstream_codec.proto',
  'envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.proto',
  'envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto',
  'envoy/extensions/load_balancing_policies/random/v3/random.proto',
  'envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto',
  'envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto',
  'envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto',
  'envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto',
  'envoy/extensions/access_loggers/file/v3/file.proto',
  'envoy/extensions/access_loggers/stream/v3/stream.proto',
  'envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto',
  'envoy/extensions/filters/http/lua/v3/lua.proto',
  'envoy/extensions/filters/http/router/v3/router.proto',
  'envoy/extensions/filters/http/wasm/v3/wasm.proto',
  'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto',
  'envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation.proto',
  'envoy/extensions/transport_sockets/tls/v3/tls.proto',
  'envoy/extensions/upstreams/http/v3/http_protocol_options.proto',
  'envoy/service/discovery/v3/ads.proto',
  'envoy/type/matcher/v3/http_inputs.proto',
  'xds/type/matcher/v3/matcher.proto',
];

interface Manifest {
  /** Everything the output depends on. */
  readonly inputs: {
    readonly pythonPackages: readonly string[];
    readonly plugin: string;
    readonly pluginOptions: readonly string[];
    readonly protos: readonly string[];
  };
  /** Hash of the FileDescriptorSet they gave. */
  readonly descriptorSet: string;
  /** File to hash. */
  readonly files: Readonly<Record<string, string>>;
}

function main(): void {
  const { values } = parseArgs({
    options: { check: { type: 'boolean' }, full: { type: 'boolean' } },
  });
  if (values.check !== true) {
    generate(GEN);
    console.log(`${listFiles(GEN).length - 1} files in ${relative(ROOT, GEN)}`);
    return;
  }
  const differences = values.full === true ? compareWithFresh() : compareWithManifest();
  if (differences.length === 0) return;
  console.error(`control-plane/xds/gen is out of date:\n  ${differences.join('\n  ')}`);
  console.error('Run: node scripts/generate-protos.ts');
  process.exitCode = 1;
}

function inputs(): Manifest['inputs'] {
  const plugin = JSON.parse(
    readFileSync(join(ROOT, 'node_modules/@bufbuild/protoc-gen-es/package.json'), 'utf8'),
  );
  return {
    pythonPackages: PYTHON_PACKAGES,
    plugin: `${plugin.name}@${plugin.version}`,
    pluginOptions: PLUGIN_OPTIONS,
    protos: PROTOS,
  };
}

/** Replaces `folder` by freshly generated files and their manifest. */
function generate(folder: string): void {
  const work = mkdtempSync(join(tmpdir(), 'modelweir-protos-'));
  try {
    const image = join(work, 'image.binpb');
    const python = process.env['PYTHON'] ?? 'python3';
    const script = join(ROOT, 'scripts/generate-protos.py');
    execFileSync(python, [script, installPackages(python), image, ...PROTOS], { stdio: 'inherit' });
    runBuf(work, image);
    const manifest: Manifest = {
      inputs: inputs(),
      descriptorSet: hashFile(image),
      files: hashFiles(join(work, 'gen')),
    };
    writeFileSync(join(work, 'gen', MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(work, 'gen'), folder, { recursive: true });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The folder with the installed Python packages; installed once per version. */
function installPackages(python: string): string {
  const folder = join(ROOT, '.cache/xds-protos', hash(PYTHON_PACKAGES.join('\n')).slice(0, 16));
  if (!existsSync(folder)) {
    mkdirSync(join(ROOT, '.cache/xds-protos'), { recursive: true });
    const partial = `${folder}.${process.pid}`;
    const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', partial];
    execFileSync(python, [...args, ...PYTHON_PACKAGES], { stdio: 'inherit' });
    cpSync(partial, folder, { recursive: true });
    rmSync(partial, { recursive: true, force: true });
  }
  return folder;
}

function runBuf(work: string, image: string): void {
  const bin = join(ROOT, 'node_modules/.bin');
  const template = {
    version: 'v2',
    plugins: [
      {
        local: join(bin, 'protoc-gen-es'),
        out: join(work, 'gen'),
        opt: PLUGIN_OPTIONS,
        include_imports: true,
      },
    ],
  };
  const args = ['generate', image, '--template', JSON.stringify(template)];
  execFileSync(join(bin, 'buf'), args, { stdio: 'inherit', cwd: work });
}

function compareWithManifest(): string[] {
  const path = join(GEN, MANIFEST);
  if (!existsSync(path)) return [`${MANIFEST} is missing`];
  const manifest: Manifest = JSON.parse(readFileSync(path, 'utf8'));
  const differences = compare(manifest.files, hashFiles(GEN));
  if (JSON.stringify(manifest.inputs) !== JSON.stringify(inputs())) {
    differences.push(`${MANIFEST}: made from other inputs than those of the script`);
  }
  return differences;
}

function compareWithFresh(): string[] {
  const work = mkdtempSync(join(tmpdir(), 'modelweir-protos-'));
  try {
    generate(join(work, 'gen'));
    const fresh = {
      ...hashFiles(join(work, 'gen')),
      [MANIFEST]: hashFile(join(work, 'gen', MANIFEST)),
    };
    return compare(fresh, { ...hashFiles(GEN), [MANIFEST]: hashFile(join(GEN, MANIFEST)) });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function compare(
  expected: Readonly<Record<string, string>>,
  actual: Readonly<Record<string, string>>,
): string[] {
  const differences: string[] = [];
  for (const file of Object.keys({ ...expected, ...actual }).sort()) {
    if (actual[file] === undefined) differences.push(`${file}: is missing`);
    else if (expected[file] === undefined) differences.push(`${file}: should not be there`);
    else if (expected[file] !== actual[file]) differences.push(`${file}: differs`);
  }
  return differences;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** Hash of every file in `folder` but the manifest. */
function hashFiles(folder: string): Record<string, string> {
  const files = listFiles(folder).filter((file) => file !== MANIFEST);
  return Object.fromEntries(files.map((file) => [file, hashFile(join(folder, file))]));
}

function hashFile(path: string): string {
  return existsSync(path) ? hash(readFileSync(path)) : '';
}

function hash(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

main();
