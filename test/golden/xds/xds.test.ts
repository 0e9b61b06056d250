/**
 * Mesh in, Envoy's resources out. Inputs are the meshes that `test/golden/ir` writes, and those here that
 * no resource leads to. `UPDATE_GOLDEN=1` writes what the code says now and removes golden files of
 * cases that are gone. The versions are in the files too: bytes that differ from run to run show there.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Mesh } from '../../../control-plane/ir/mesh.ts';
import { checkConsistency } from '../../../control-plane/xds/consistency.ts';
import { encodeSnapshot } from '../../../control-plane/xds/encode.ts';
import { resourcesJson } from '../../../control-plane/xds/json.ts';
import type { TranslateOptions } from '../../../control-plane/xds/translate.ts';
import { DEFAULT_LIMITS, translate } from '../../../control-plane/xds/translate.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const cases = fileURLToPath(new URL('cases', import.meta.url));
const irCases = fileURLToPath(new URL('../ir/cases', import.meta.url));
const update = process.env['UPDATE_GOLDEN'] === '1';

const module = (name: string) => ({ path: `/filters/${name}.wasm`, sha256: '0'.repeat(64) });
const options: TranslateOptions = {
  modules: { chain: module('chain'), batcher: module('batcher'), rewriter: module('rewriter') },
  limits: DEFAULT_LIMITS,
  modelHeader: null,
  accessLog: { path: '/dev/null' },
  outcomeMetrics: true,
};

const inputs = new Map<string, string>();
for (const [folder, file] of [
  [irCases, 'mesh.golden.json'],
  [cases, 'mesh.json'],
] as const) {
  for (const name of readdirSync(folder)) {
    if (existsSync(join(folder, name, file))) inputs.set(name, join(folder, name, file));
  }
}

for (const name of readdirSync(cases)) {
  if (inputs.has(name)) continue;
  if (update) rmSync(join(cases, name), { recursive: true });
  else
    test(`${name} has golden files`, () =>
      assert.fail('it has no mesh: UPDATE_GOLDEN=1 removes it'));
}

for (const [name, file] of inputs) {
  test(`${name.replaceAll('-', ' ')}`, () => {
    const read = (): Mesh => JSON.parse(readFileSync(file, 'utf8'));
    const set = translate(read(), options);
    assert.deepEqual(checkConsistency(set), []);
    const { versions } = encodeSnapshot(set);
    const again = encodeSnapshot(translate(read(), options)).versions;
    assert.deepEqual(again, versions, 'the same mesh must give the same bytes');
    golden(join(cases, name, 'resources.golden.json'), {
      versions: Object.fromEntries(versions),
      ...resourcesJson(set),
    });
  });
}

function golden(file: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (update) {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }
  const hint = `${relative(root, file)}: UPDATE_GOLDEN=1 writes it`;
  assert.ok(existsSync(file), `is missing: ${hint}`);
  assert.equal(text, readFileSync(file, 'utf8'), hint);
}
