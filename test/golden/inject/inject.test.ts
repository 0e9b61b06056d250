/**
 * A pod in, the injected pod out, and the bootstrap that Istio's sidecars get. `UPDATE_GOLDEN=1` writes what
 * the code says now.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bootstrapOverride } from '../../../control-plane/inject/bootstrap-override.ts';
import { inject, uninject } from '../../../control-plane/inject/injection.ts';
import type { IstioPart } from '../../../control-plane/inject/istio-pods.ts';
import { type IstioMode, plan } from '../../../control-plane/inject/plan.ts';
import type { Pod } from '../../../control-plane/inject/pod.ts';
import type { ProxyOptions } from '../../../control-plane/inject/proxy-options.ts';
import { PROXY } from '../../unit/inject/pods.ts';

const cases = fileURLToPath(new URL('cases', import.meta.url));
const update = process.env['UPDATE_GOLDEN'] === '1';

const POD: Pod = {
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    initContainers: [{ name: 'setup', image: 'setup:1' }],
    containers: [{ name: 'web', image: 'web:1' }],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
};
const ANNOTATED: Pod = {
  ...POD,
  metadata: {
    ...POD.metadata,
    annotations: {
      'modelweir.dev/redirect': 'models.shop:80,[fd00::7]:8080',
      'modelweir.dev/namespaces': 'shop,ml',
      'modelweir.dev/proxy-memory': '200Mi',
    },
  },
};
const CSI = {
  from: 'csi',
  issuer: 'mesh',
  kind: 'ClusterIssuer',
  trustDomain: 'cluster.local',
} as const;

interface Case {
  readonly pod: Pod;
  readonly part: IstioPart;
  readonly istio?: IstioMode;
  readonly proxy?: Partial<ProxyOptions>;
}

const CASES: Readonly<Record<string, Case>> = {
  'plain-text': { pod: POD, part: 'none', proxy: { certificates: { from: 'none' } } },
  secret: { pod: POD, part: 'none' },
  'csi-and-redirection': { pod: ANNOTATED, part: 'none', proxy: { certificates: CSI } },
  'istio-native': { pod: POD, part: 'sidecar', istio: 'native' },
  'istio-direct': { pod: POD, part: 'sidecar', istio: 'direct' },
};

const made = new Map<string, unknown>();
for (const [name, { pod, part, istio = 'off', proxy = {} }] of Object.entries(CASES)) {
  const { additions, warnings } = plan(pod, part, { istio, proxy: { ...PROXY, ...proxy } }, true);
  assert.deepEqual(warnings, []);
  made.set(name, readable(inject(pod, additions)));
}
const xds = { host: 'modelweir.modelweir-system.svc', port: 18000 };
made.set(
  'bootstrap-override',
  bootstrapOverride({
    xds,
    tls: {
      serverName: xds.host,
      subjects: ['spiffe://cluster.local/ns/modelweir-system/sa/modelweir'],
      authority: 'mesh',
    },
    modules: { cluster: 'modelweir.modules', address: { ...xds, port: 18002 } },
    namespaces: ['shop'],
  }),
);
made.set(
  'bootstrap-override-plain-text',
  bootstrapOverride({ xds, tls: null, modules: null, namespaces: null }),
);

for (const [name, value] of made) {
  test(name, () => {
    const file = join(cases, `${name}.golden.json`);
    const text = `${JSON.stringify(value, null, 2)}\n`;
    if (update) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, 'utf8'));
  });
}

test('each golden file has its case', () => {
  const stale = readdirSync(cases).filter((file) => !made.has(file.replace('.golden.json', '')));
  if (update) for (const file of stale) rmSync(join(cases, file));
  else assert.deepEqual(stale, []);
});

test('every one comes back as it was', () => {
  for (const { pod, part, istio = 'off', proxy = {} } of Object.values(CASES)) {
    const { additions } = plan(pod, part, { istio, proxy: { ...PROXY, ...proxy } }, true);
    assert.deepEqual(uninject(inject(pod, additions)), pod);
  }
});

/** JSON inside of strings as JSON, which a person can read. */
function readable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, one) => {
    if (typeof one !== 'string' || !one.startsWith('{')) return one;
    return { json: readable(JSON.parse(one)) };
  });
}
