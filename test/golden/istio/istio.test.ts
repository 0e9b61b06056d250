/**
 * YAML in, Istio's objects out, with what cannot be said in them. `UPDATE_GOLDEN=1` writes what the code says
 * now and removes golden files of cases that are gone. A case may have `options.json`.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { build } from '../../../control-plane/build/build.ts';
import { LastGood } from '../../../control-plane/build/last-good.ts';
import type { Mesh } from '../../../control-plane/ir/mesh.ts';
import { labelledNamespaces } from '../../../control-plane/istio/labelled-namespaces.ts';
import { manifest } from '../../../control-plane/istio/manifest.ts';
import { type IstioOptions, istioObjects } from '../../../control-plane/istio/translate.ts';
import { readFolder } from '../../../control-plane/store/folder-source.ts';
import { DEFAULT_LIMITS } from '../../../control-plane/xds/translate.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const cases = fileURLToPath(new URL('cases', import.meta.url));
const update = process.env['UPDATE_GOLDEN'] === '1';

const module = (name: string) => {
  const sha256 = '0'.repeat(64);
  const url = `http://modelweir.modelweir-system:18002/modules/${sha256}.wasm`;
  return { path: `/filters/${name}.wasm`, sha256, url };
};
const OPTIONS: Omit<IstioOptions, 'namespaces'> = {
  translation: {
    modules: { chain: module('chain'), batcher: module('batcher'), rewriter: module('rewriter') },
    limits: DEFAULT_LIMITS,
    modelHeader: null,
    accessLog: null,
    outcomeMetrics: false,
  },
  systemNamespace: 'modelweir-system',
  revision: null,
  routing: 'VirtualService',
  direct: null,
};

for (const name of readdirSync(cases)) {
  const folder = join(cases, name);
  if (existsSync(join(folder, 'objects.yaml'))) check(name, folder);
  else if (update) rmSync(folder, { recursive: true });
  else
    test(`${name} has golden files`, () =>
      assert.fail('it has no YAML: UPDATE_GOLDEN=1 removes it'));
}

function check(name: string, folder: string): void {
  test(`${name.replaceAll('-', ' ')}`, async () => {
    const { objects, problems } = await readFolder({ folder });
    assert.deepEqual(problems, []);
    const built = build(new LastGood().take(objects), []);
    assert.deepEqual(built.problems, []);
    const namespaces = labelledNamespaces(objects);
    const options = { ...OPTIONS, namespaces, ...optionsOf(folder) };
    const translation = istioObjects(built.mesh, options);
    assert.deepEqual(translation.tooLarge, []);
    golden(join(folder, 'golden', 'istio.yaml'), manifest(translation.objects));
    golden(
      join(folder, 'golden', 'problems.json'),
      `${JSON.stringify(translation.problems, null, 2)}\n`,
    );
    const again: Mesh = JSON.parse(JSON.stringify(built.mesh));
    assert.ok(isDeepStrictEqual(istioObjects(again, options), translation), 'pure of the mesh');
    const names = translation.objects.map(({ kind, metadata: { namespace, name: of } }) => {
      return `${kind} ${namespace}/${of}`;
    });
    assert.equal(new Set(names).size, names.length, 'no two objects have one name');
  });
}

function optionsOf(folder: string): Partial<IstioOptions> {
  const file = join(folder, 'options.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

function golden(file: string, text: string): void {
  if (update) {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }
  const hint = `${relative(root, file)}: UPDATE_GOLDEN=1 writes it`;
  assert.ok(existsSync(file), `is missing: ${hint}`);
  assert.equal(text, readFileSync(file, 'utf8'), hint);
}
