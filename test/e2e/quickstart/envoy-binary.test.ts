/** Which Envoy is run, and what is said of its version. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findEnvoy } from '../../../control-plane/cli/quickstart/envoy-binary.ts';

const VERSIONS: readonly [string, RegExp | null][] = [
  ['1.40.0', null],
  ['1.40.7', null],
  ['1.41.0', /is Envoy 1\.41\.0\. Modelweir is tested with 1\.40\.0/],
  ['1.36.2', /is Envoy 1\.36\.2\. Modelweir is tested with 1\.40\.0/],
  ['1.34.9', /is Envoy 1\.34\.9\. Modelweir's filters need 1\.35\.0 or newer/],
  ['1.4.0', /need 1\.35\.0 or newer/],
];

for (const [version, warning] of VERSIONS) {
  test(`an Envoy ${version} named by ENVOY_BIN is ${warning === null ? 'fine' : 'warned of'}`, async (t) => {
    const path = programThatPrints(t, `envoy  version: 9e55809/${version}/Clean/RELEASE/BoringSSL`);
    const found = await findEnvoy({ ENVOY_BIN: path });
    assert.equal(found.path, path);
    assert.equal(found.version, version);
    if (warning === null) assert.equal(found.warning, null);
    else assert.match(found.warning ?? '', warning);
  });
}

function programThatPrints(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'envoy-binary-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'envoy');
  writeFileSync(path, `#!/bin/sh\necho '${text}'\n`);
  chmodSync(path, 0o755);
  return path;
}
