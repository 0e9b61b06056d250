import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { heldoutDigits } from '../../../control-plane/cli/quickstart/places.ts';
import { Supervisor } from '../../../control-plane/cli/quickstart/supervisor.ts';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { startPod, type TestPod } from '../../harness/pod.ts';
import { folderWith, modelweir } from '../../unit/cli/command.ts';

const supervisor = new Supervisor();
let pod: TestPod;

before(async () => {
  pod = await startPod(supervisor, ['digits-stable', 'digits-canary']);
});
after(() => supervisor.stop());

const LABELLED = ['--data', heldoutDigits, '--label', 'label'];

async function evaluated(...args: string[]) {
  const { code, stdout, stderr } = await modelweir('eval', ...args, '--json');
  assert.ok(stdout !== '', stderr);
  return { code, report: JSON.parse(stdout) };
}

function podTarget(model: string): string[] {
  return ['--target', `http://127.0.0.1:${pod.port}`, '--model', model];
}

describe('a pod', () => {
  for (const [model, right] of [
    ['digits-stable', 530],
    ['digits-canary', 527],
  ] as const) {
    test(`${model} is as right as documented, by its label and by its scores`, async () => {
      for (const output of ['label', 'probabilities']) {
        const args = [...podTarget(model), ...LABELLED, '--output', output];
        const { code, report } = await evaluated(...args);
        assert.equal(code, 0);
        assert.equal(report.scores.right, right);
        assert.deepEqual([report.scores.rows, report.failed], [540, 0]);
        assert.equal(report.scores.accuracy, right / 540);
      }
    });
  }

  test('is reported in tables', async () => {
    const { code, stdout, stderr } = await modelweir(
      'eval',
      ...podTarget('digits-stable'),
      ...LABELLED,
    );
    assert.equal(code, 0);
    assert.equal(stderr, '');
    assert.match(stdout, /accuracy 0\.9815 \(530 of 540 rows\)/);
    assert.match(stdout, /^CLASS +PRECISION +RECALL +F1 +ROWS$/m);
    assert.match(stdout, /^macro average +0\.9824 +0\.9813 +0\.9816 +540$/m);
    assert.match(stdout, /^8 +0 +2 +0 +0 +0 +1 +0 +0 +49 +0$/m);
  });

  test('that cannot answer a row leaves it out, within --max-failures', async (t) => {
    const pixels = Array(64).fill(0).join(',');
    const names = Array.from({ length: 64 }, (_, i) => `pixel_${i}`).join(',');
    const csv = `label,${names}\n0,${pixels}\n1,x${pixels.slice(1)}\n`;
    const file = `${folderWith(t, { 'r.csv': csv })}/r.csv`;
    const args = [...podTarget('digits-stable'), '--data', file, '--label', 'label'];
    const strict = await evaluated(...args);
    assert.equal(strict.code, 1);
    assert.deepEqual([strict.report.scores.rows, strict.report.failed], [1, 1]);
    assert.equal(strict.report.failures[0].row, 2);
    assert.match(strict.report.failures[0].reason, /column pixel_0 is "x0?"/);
    const lenient = await evaluated(...args, '--max-failures', '1');
    assert.equal(lenient.code, 0);
  });

  const cases: [name: string, args: () => string[], says: RegExp, code: number][] = [
    ['that has no such model', () => podTarget('none'), /it answered 404: /, 1],
    [
      'that is not there',
      () => ['--target', 'http://127.0.0.1:9', '--model', 'm'],
      /no metadata from http:\/\/127\.0\.0\.1:9\/v2\/models\/m: /,
      1,
    ],
    ['without a model', () => ['--target', 'http://127.0.0.1:9'], /needs --model/, 2],
    [
      'with a variant and no header',
      () => [...podTarget('digits-stable'), '--variant', 'v'],
      /needs the --header/,
      2,
    ],
    [
      'without such an output',
      () => [...podTarget('digits-stable'), '--output', 'y'],
      /no output y: give --output/,
      2,
    ],
    [
      'by something that is no URL',
      () => ['--target', 'pod', '--model', 'm'],
      /pod is not a URL/,
      2,
    ],
  ];
  for (const [name, args, says, expected] of cases) {
    test(`${name} is a failure that says so`, async () => {
      const { code, stdout, stderr } = await modelweir('eval', ...args(), ...LABELLED);
      assert.match(stderr, says);
      assert.deepEqual([code, stdout], [expected, '']);
    });
  }
});

describe('a route', () => {
  let mesh: TestMesh;
  let files: Readonly<Record<string, string>>;

  before(async () => {
    files = { 'digits.yaml': resources(pod.port) };
    mesh = await startMesh({ files });
    const row = { name: 'pixels', shape: [1, 64], datatype: 'FP32', data: Array(64).fill(0) };
    await mesh.whenServing('/v2/models/digits/infer', JSON.stringify({ inputs: [row] }));
  });
  after(() => mesh.stop());

  function routeTarget(context: TestContext, name: string): string[] {
    const config = folderWith(context, files);
    return ['--target', `route:${name}`, '--config', config, '--proxy', mesh.url, ...LABELLED];
  }

  test('is asked as its weights say, and the answers are counted by variant', async (t) => {
    const { code, report } = await evaluated(...routeTarget(t, 'digits'));
    assert.equal(code, 0);
    assert.equal(report.model, 'digits');
    const { stable, canary } = report.variants;
    assert.equal(stable + canary, 540);
    assert.ok(stable > canary && canary > 0, JSON.stringify(report.variants));
  });

  for (const [route, variant, right, how] of [
    ['digits', 'stable', 530, 'by a key of its sticky header'],
    ['digits', 'canary', 527, 'by an entry of variantMatches'],
    ['numbers', 'canary', 527, 'by a key of its sticky header, with a host and a claim'],
  ] as const) {
    test(`${route}: only ${variant} is asked, ${how}`, async (t) => {
      const { code, report } = await evaluated(...routeTarget(t, route), '--variant', variant);
      assert.equal(code, 0, JSON.stringify(report.failures));
      assert.deepEqual(report.variants, { [variant]: 540 });
      assert.equal(report.scores.right, right);
    });
  }

  test('an answer of another variant than the one that is wanted is a failure', async () => {
    const target = ['--target', mesh.url, '--model', 'digits', ...LABELLED];
    const args = ['--header', 'x-canary: yes', '--variant', 'stable'];
    const { code, stderr } = await modelweir('eval', ...target, ...args);
    assert.equal(code, 1);
    assert.match(stderr, /100 rows in a row failed, .*variant canary answered, not stable/);
  });

  test('a variant that no header brings is named, with what is missing', async (t) => {
    const args = [...routeTarget(t, 'hidden'), '--variant', 'canary'];
    const { code, stderr } = await modelweir('eval', ...args);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /no header gives requests of route default\/hidden to its variant canary: add .* variantMatches/,
    );
  });

  test('a route or a variant that is not there is named, with those that are', async (t) => {
    const route = await modelweir('eval', ...routeTarget(t, 'none'));
    assert.match(
      route.stderr,
      /no route default\/none in .*: there are default\/digits, default\/hidden/,
    );
    const variant = await modelweir('eval', ...routeTarget(t, 'digits'), '--variant', 'none');
    assert.match(variant.stderr, /has no variant none: it has stable, canary|canary, stable/);
    assert.deepEqual([route.code, variant.code], [2, 2]);
  });
});

function resources(port: number): string {
  const backend = (name: string) => `apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: ${name} }
spec:
  protocol: OpenInference
  endpoints: [{ address: 127.0.0.1, port: ${port} }]
  model: { name: ${name} }
---
`;
  return `${backend('digits-stable')}${backend('digits-canary')}apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: digits }
spec:
  models: [{ name: digits }]
  variants:
    - { name: stable, backendRef: { name: digits-stable }, weight: 80 }
    - { name: canary, backendRef: { name: digits-canary }, weight: 20 }
  sticky: { header: x-user }
  variantMatches:
    - { variant: canary, bodyFields: [{ path: user, value: someone }] }
    - { variant: canary, headers: [{ name: x-canary, value: 'yes' }] }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: numbers }
spec:
  hostnames: ['*.example.com']
  models: [{ name: numbers }]
  matches: [{ headers: [{ name: x-team, value: research }] }]
  variants:
    - { name: stable, backendRef: { name: digits-stable }, weight: 90 }
    - { name: canary, backendRef: { name: digits-canary }, weight: 10 }
  sticky: { header: x-user }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: hidden }
spec:
  models: [{ name: hidden }]
  variants:
    - { name: stable, backendRef: { name: digits-stable }, weight: 1 }
    - { name: canary, backendRef: { name: digits-canary }, weight: 0 }
`;
}
