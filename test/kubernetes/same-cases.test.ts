/**
 * The same YAML, in a folder and in a cluster: the same conditions, word for word. A case that the API server
 * refuses says there what the folder says, too.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Pipeline } from '../../control-plane/pipeline.ts';
import { readFolder } from '../../control-plane/store/folder-source.ts';
import { type ObjectName, startCluster, type TestCluster } from '../harness/kubernetes/cluster.ts';
import { startControlPlane, type TestControlPlane } from '../harness/kubernetes/control-plane.ts';
import { until } from '../harness/until.ts';
import { backend, route } from './objects.ts';
import { REFERENCE_GRANTS } from './reference-grants.ts';

/** Each in a namespace of its own, `NS`. */
const CASES: Readonly<Record<string, readonly ObjectName[]>> = {
  'a route and its backend': [backend('a'), route('r')],
  'a backend that is missing': [route('r')],
  'one of two backends is missing': [
    backend('a'),
    route('r', { variants: [variant('a'), variant('b')] }),
  ],
  'backends of two protocols': [
    backend('a'),
    backend('b', { protocol: 'OpenAI' }),
    route('r', { variants: [variant('a'), variant('b')] }),
  ],
  'a name that is an alias, too': [
    backend('a'),
    route('r', { models: [{ name: 'm', aliases: ['m'] }] }),
  ],
  'two equal matches': [
    backend('a'),
    route('r', { matches: [{ protocol: 'OpenAI' }, { protocol: 'OpenAI' }] }),
  ],
  'an address that is none': [backend('a', { endpoints: [{ address: 'localhost', port: 1 }] })],
  'a network twice': [
    backend('a'),
    route('r', {
      variantMatches: [{ variant: 'a', sourceAddresses: ['10.0.0.1', '10.0.0.1/32'] }],
    }),
  ],
  'a route that is disabled': [backend('a'), route('r', { disabled: true })],
  'two routes with one model': [
    backend('a'),
    route('r', { models: [{ name: 'same' }] }),
    route('s', { models: [{ name: 'same' }] }),
  ],
  'batching for gRPC': [
    backend('a', { protocol: 'OpenInferenceGRPC' }),
    route('r', { batching: {} }),
  ],
  'a Service that is missing': [
    backend('a', { endpoints: undefined, service: { name: 's', port: 80 } }),
    route('r'),
  ],
  'a Service': [
    backend('a', { endpoints: undefined, service: { name: 's', port: 80 } }),
    route('r'),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's', namespace: 'default' },
      spec: { ports: [{ name: 'http', port: 80 }] },
    } as ObjectName,
  ],
  'a backend in a namespace that does not allow it': [
    route('r', { variants: [{ name: 'a', backendRef: { name: 'a', namespace: 'elsewhere' } }] }),
  ],
  'kinds that are not carried out': [
    {
      apiVersion: 'modelweir.dev/v1alpha1',
      kind: 'TrafficPolicy',
      metadata: { name: 'p', namespace: 'default' },
      spec: { targetRefs: [{ kind: 'ModelRoute', name: 'r' }], maxConcurrent: 1 },
    } as ObjectName,
  ],
};

let cluster: TestCluster;
let controlPlane: TestControlPlane;

before(async () => {
  cluster = await startCluster();
  await cluster.create(REFERENCE_GRANTS);
  controlPlane = await startControlPlane(cluster);
});

after(async () => {
  await controlPlane?.stop();
  await cluster?.stop();
});

for (const [index, [name, objects]] of Object.entries(CASES).entries()) {
  test(`${name}: a folder and a cluster say the same`, async () => {
    const namespace = `case-${index}`;
    const own = objects.map((object) => inNamespace(object, namespace));
    await cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    // Creation times have whole seconds, and names decide among equals: as in a folder.
    for (const object of own) await cluster.create(object);
    const wanted = await fromFolder(own);
    let got = '';
    await until(`${namespace} has its conditions`, async () => {
      got = await fromCluster(namespace);
      return got === wanted;
    }).catch(() => assert.equal(got, wanted));
    // Their models are the next case's.
    for (const object of own) await cluster.remove(object);
  });
}

function inNamespace(object: ObjectName, namespace: string): ObjectName {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

async function fromFolder(objects: readonly ObjectName[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'modelweir-'));
  try {
    const yaml = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    writeFileSync(join(folder, 'all.yaml'), yaml);
    const { statuses } = new Pipeline([]).run(await readFolder({ folder }));
    return textOf(statuses.map(({ object, conditions }) => ({ ...object, conditions })));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fromCluster(namespace: string): Promise<string> {
  const { objects } = await controlPlane.report();
  return textOf(objects.filter((object) => object.namespace === namespace));
}

interface Said {
  readonly kind: string;
  readonly name: string;
  readonly conditions: readonly { readonly type: string }[];
}

/** But for `Programmed`, which is about proxies. */
function textOf(objects: readonly Said[]): string {
  const lines = objects.map(({ kind, name, conditions }) => {
    const said = conditions.filter(({ type }) => type !== 'Programmed');
    return `${kind} ${name} ${JSON.stringify(said)}`;
  });
  return lines.toSorted().join('\n');
}

function variant(name: string) {
  return { name, backendRef: { name } };
}
