/**
 * YAML in, mesh and statuses out. `UPDATE_GOLDEN=1` writes what the code says now and removes golden
 * files of cases that are gone; the mesh files are the input of the translation's golden tests.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from '../../../control-plane/build/build.ts';
import { LastGood } from '../../../control-plane/build/last-good.ts';
import { readFolder } from '../../../control-plane/store/folder-source.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const cases = fileURLToPath(new URL('cases', import.meta.url));
const listeners = [{ name: 'default', address: '127.0.0.1', port: 8080 }];
const update = process.env['UPDATE_GOLDEN'] === '1';

/** The quickstart is a case too: what a newcomer reads must be what is tested. */
const inputs = new Map([['quickstart', join(root, 'examples/quickstart')]]);
for (const name of readdirSync(cases)) {
  const folder = join(cases, name);
  if (readdirSync(folder).some((file) => file.endsWith('.yaml'))) inputs.set(name, folder);
}

for (const name of readdirSync(cases)) {
  if (inputs.has(name)) continue;
  if (update) rmSync(join(cases, name), { recursive: true });
  else
    test(`${name} has golden files`, () =>
      assert.fail('it has no YAML: UPDATE_GOLDEN=1 removes it'));
}

for (const [name, folder] of inputs) {
  test(`${name.replaceAll('-', ' ')}`, async () => {
    const { objects, problems } = await readFolder({ folder });
    assert.deepEqual(problems, []);
    const result = build(new LastGood().take(objects), listeners);
    golden(join(cases, name, 'mesh.golden.json'), result.mesh);
    golden(join(cases, name, 'statuses.golden.json'), result.statuses);
    const reversed = build(new LastGood().take(objects.toReversed()), listeners);
    assert.deepEqual(reversed, result, 'the order of the input must not matter');
  });
}

function golden(file: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (update) writeFileSync(file, text);
  assert.ok(existsSync(file), `${relative(root, file)} is missing: UPDATE_GOLDEN=1 writes it`);
  assert.equal(
    text,
    readFileSync(file, 'utf8'),
    `${relative(root, file)}: UPDATE_GOLDEN=1 writes it`,
  );
}
