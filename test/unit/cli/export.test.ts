import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { folderWith, modelweir } from './command.ts';

const example = fileURLToPath(
  new URL('../../golden/istio/cases/two-hosts-and-a-canary', import.meta.url),
);

/** Modules of some content each: the command only needs their hashes. */
const MODULES = { 'chain.wasm': 'a', 'batcher.wasm': 'b', 'rewriter.wasm': 'c' };
const SHA256_OF_A = 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb';

function namesIn(text: string): string[] {
  return parseAllDocuments(text).map((document) => {
    const { kind, metadata } = document.toJS();
    return `${kind} ${metadata.namespace}/${metadata.name}`;
  });
}

test('export writes what a folder means in Istio, and what is referred to first', async (t) => {
  const modules = folderWith(t, MODULES);
  const file = join(folderWith(t, {}), 'istio.yaml');
  const run = await modelweir('export', '--istio', example, '--modules', modules, '-o', file);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stdout, '');
  const text = readFileSync(file, 'utf8');
  assert.deepEqual(namesIn(text), [
    'ServiceEntry modelweir-system/modelweir-shop-elsewhere',
    'VirtualService ml/modelweir-digits',
    'VirtualService shop/modelweir-models',
    'EnvoyFilter ml/modelweir-batcher-digits-80',
    'EnvoyFilter ml/modelweir-batcher-digits-canary-8080',
    'EnvoyFilter ml/modelweir-router',
    'EnvoyFilter ml/modelweir-splitter',
    'EnvoyFilter shop/modelweir-router',
    'EnvoyFilter shop/modelweir-splitter',
  ]);
  assert.ok(
    text.includes(`http://modelweir.modelweir-system:18002/modules/${SHA256_OF_A}.wasm`),
    'modules come from the control plane',
  );
});

test('namespaces, the home, the revision and an image can be said', async (t) => {
  const modules = folderWith(t, MODULES);
  const image = `oci://registry.example/chain@sha256:${'d'.repeat(64)}`;
  const { code, stdout, stderr } = await modelweir(
    ...['export', example, '--istio', '--modules', modules, '--namespaces', 'web,shop'],
    ...['--system-namespace', 'models', '--istio-revision', 'canary'],
    ...['--module-image', `chain=${image}`],
  );
  assert.equal(code, 0, stderr);
  const names = namesIn(stdout);
  assert.ok(names.includes('EnvoyFilter web/modelweir-router'));
  assert.ok(names.includes('ServiceEntry models/modelweir-shop-elsewhere'));
  assert.ok(!names.some((name) => name.startsWith('EnvoyFilter ml/')));
  assert.match(stdout, /istio\.io\/rev: canary/);
  assert.ok(stdout.includes(`uri: ${image}`));
  assert.ok(stdout.includes(`sha256: ${'d'.repeat(64)}`), 'the hash is that of the image');
  assert.match(stderr, /ModelRoute ml\/digits: BatchingNotSupported: .*label it/);
});

test('a folder with problems writes nothing', async (t) => {
  const folder = folderWith(t, { 'a.yaml': 'kind: ModelRoute\nmetadata: { name: a }\nspec: {}\n' });
  const { code, stdout, stderr } = await modelweir('export', '--istio', folder);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /a\.yaml:3: ModelRoute default\/a: spec\.models: /);
  assert.match(stderr, /nothing was written: \d+ problems/);
});

test('a folder without a namespace that wants it says how one would', async (t) => {
  const folder = folderWith(t, {});
  const { code, stdout, stderr } = await modelweir('export', '--istio', folder);
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /give --namespaces, or a Namespace labelled modelweir\.dev\/inject=true/);
});

test('whoever does not say for what is asked', async () => {
  const { code, stderr } = await modelweir('export', example);
  assert.equal(code, 2);
  assert.match(stderr, /give --istio/);
});
