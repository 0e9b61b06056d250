/** `modelweir inject` and `uninject` on files. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { podsOf } from '../../../control-plane/inject/workloads.ts';
import { folderWith, modelweir } from '../cli/command.ts';

const TEMPLATE = `metadata: { labels: { app: web } }
spec:
  containers:
    - name: web # the application
      image: web:1`;

const indented = (text: string, depth: number) => text.replaceAll('\n', `\n${' '.repeat(depth)}`);

function workload(kind: string, apiVersion: string): string {
  const head = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: { name: web, namespace: shop }\n`;
  if (kind === 'CronJob') {
    return `${head}spec:\n  jobTemplate:\n    spec:\n      template:\n        ${indented(TEMPLATE, 8)}\n`;
  }
  return `${head}spec:\n  template:\n    ${indented(TEMPLATE, 4)}\n`;
}

const POD = `# as people write it
apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
spec:
  containers:
    - name: web # the application
      image: web:1
  initContainers: []
`;
const WORKLOADS = [
  ...['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'].map((kind) =>
    workload(kind, 'apps/v1'),
  ),
  ...['Job', 'CronJob'].map((kind) => workload(kind, 'batch/v1')),
];
const LIST = `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: other }
  - ${indented(workload('Deployment', 'apps/v1').trimEnd(), 4)}
`;
const EVERYTHING = [POD, ...WORKLOADS, 'kind: Service\nmetadata: { name: web }\n', LIST].join(
  '---\n',
);

async function run(context: TestContext, command: string, text: string, ...more: string[]) {
  const folder = folderWith(context, { 'pods.yaml': text });
  const { code, stdout, stderr } = await modelweir(
    command,
    '-f',
    join(folder, 'pods.yaml'),
    ...more,
  );
  assert.equal(code, 0, stderr);
  return { stdout, stderr };
}

const values = (text: string) => parseAllDocuments(text).map((document) => document.toJS());

test('every kind that makes pods is injected, once however often, and comes back as it was', async (t) => {
  const { stdout: injected } = await run(t, 'inject', EVERYTHING);
  const pods = values(injected).flatMap(podsOf);
  assert.equal(pods.length, WORKLOADS.length + 2);
  for (const { pod, owner } of pods) {
    assert.equal(pod.spec?.initContainers?.[0]?.name, 'modelweir-proxy', owner);
  }
  assert.match(injected, /# as people write it/);
  assert.match(injected, /# the application/);
  const { stdout: again } = await run(t, 'inject', injected);
  assert.equal(again, injected);
  const { stdout: clean } = await run(t, 'uninject', injected);
  assert.deepEqual(values(clean), values(EVERYTHING));
});

test('other options take the place of the former ones', async (t) => {
  const { stdout: first } = await run(t, 'inject', POD, '--proxy-certificates', 'secret:web');
  const { stdout: second } = await run(t, 'inject', first, '--istio', 'direct');
  const direct = await run(t, 'inject', POD, '--istio', 'direct');
  assert.deepEqual(parse(second), parse(direct.stdout));
});

test('what refuses is left, and what is asked in vain is said', async (t) => {
  const refusing = POD.replace('annotations:', 'labels: { modelweir.dev/inject: "false" }');
  const { stdout, stderr } = await run(t, 'inject', refusing);
  assert.equal(stdout, refusing);
  assert.match(stderr, /Pod web: left as it is: it has modelweir.dev\/inject: "false"/);
});

test('text without pods comes back byte by byte', async (t) => {
  const text = 'kind:   Service   # odd\n---\n{"a": [1,2]}\n';
  assert.equal((await run(t, 'inject', text)).stdout, text);
});

test('an alias is resolved where its pod changes', async (t) => {
  const aliased = `kind: List\nitems:\n  - kind: Pod\n    metadata: { name: a }\n    spec: &spec { containers: [{ name: a }] }\n  - kind: Pod\n    metadata: { name: b }\n    spec: *spec\n`;
  const { stdout } = await run(t, 'inject', aliased);
  const [{ items }] = values(stdout);
  for (const { spec } of items) assert.equal(spec.initContainers.length, 1);
  const { stdout: clean } = await run(t, 'uninject', stdout);
  assert.deepEqual(values(clean), values(aliased));
});

test('what cannot be done is an error that names the file and the object', async (t) => {
  const folder = folderWith(t, {
    'pod.yaml': POD.replace('name: web #', 'name: modelweir-proxy #'),
    'broken.yaml': 'a: [',
  });
  const taken = await modelweir('inject', '-f', join(folder, 'pod.yaml'));
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /pod.yaml: Pod web: it already has something called modelweir-proxy/);
  const broken = await modelweir('inject', '-f', join(folder, 'broken.yaml'));
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /broken.yaml: document 1/);
  assert.equal((await modelweir('inject', '-f', join(folder, 'none.yaml'))).code, 2);
  assert.equal((await modelweir('inject', '-f', 'x', '--proxy-certificates', 'file:x')).code, 2);
});
