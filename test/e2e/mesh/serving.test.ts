/** From a folder of YAML to an answer, and what an edit, good or bad, does to what is served. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { httpLoad, statusCounts } from '../../harness/http-load.ts';
import { type MeshStatus, startMesh, type TestMesh } from '../../harness/mesh.ts';
import { type DoublingBackend, startDoublingBackend } from './doubling-backend.ts';
import { backend, inferRequest, route } from './resources.ts';

const PATH = '/v2/models/double/infer';
const JSON_TYPE = { 'content-type': 'application/json' };

const MODES = { GRPC: 'state of the world', DELTA_GRPC: 'incremental' } as const;
for (const mode of ['GRPC', 'DELTA_GRPC'] as const) {
  describe(`with ${MODES[mode]} streams`, () => {
    let mesh: TestMesh;
    let stable: DoublingBackend;
    let canary: DoublingBackend;

    const backends = (): string =>
      backend('stable', stable.port, 'double-v1') + backend('canary', canary.port, 'double-v2');
    const routes = (stableWeight: number, canaryWeight: number): string =>
      route({
        name: 'double',
        weights: { stable: stableWeight, canary: canaryWeight },
        more: '  sticky: { header: x-user }',
      });
    const infer = (user: string, value = 21) =>
      exchange({
        url: mesh.url + PATH,
        method: 'POST',
        headers: { ...JSON_TYPE, 'x-user': user },
        body: inferRequest(value),
      });

    before(async () => {
      stable = await startDoublingBackend();
      canary = await startDoublingBackend();
      const files = { 'backends.yaml': backends(), 'routes.yaml': routes(90, 10) };
      mesh = await startMesh({ files, mode });
      await mesh.whenServing(PATH, inferRequest(1));
    });
    after(async () => {
      await mesh?.stop();
      await stable?.stop();
      await canary?.stop();
    });

    test(`a request by model name reaches its backend under the served name`, async () => {
      const answer = await infer('alice');
      assert.equal(answer.status, 200);
      assert.deepEqual(JSON.parse(answer.body.toString()).outputs[0].data, [42]);
      const variant = answer.headers['x-modelweir-variant'];
      const seen = (variant === 'stable' ? stable : canary).requests.at(-1);
      assert.equal(seen?.path, `/v2/models/double-${variant === 'stable' ? 'v1' : 'v2'}/infer`);
      const leaked = Object.keys(seen?.headers ?? {}).filter((name) =>
        name.startsWith('x-modelweir-'),
      );
      assert.deepEqual(leaked, [], 'reserved headers never leave the mesh');
    });

    test(`a client stays on its variant, and both variants get clients`, async () => {
      const variants = new Map<string, Set<string>>();
      const outcomes = await httpLoad({
        connections: 8,
        count: 600,
        request: (index) => ({
          url: mesh.url + PATH,
          method: 'POST',
          headers: { ...JSON_TYPE, 'x-user': `user-${index % 200}` },
          body: inferRequest(index),
        }),
      });
      for (const { index, answer } of outcomes) {
        const user = `user-${index % 200}`;
        const variant = String(answer?.headers['x-modelweir-variant']);
        variants.set(user, (variants.get(user) ?? new Set()).add(variant));
      }
      assert.deepEqual(statusCounts(outcomes), { 200: 600 });
      assert.ok(
        [...variants.values()].every((set) => set.size === 1),
        'each user has one variant',
      );
      const all = new Set([...variants.values()].flatMap((set) => [...set]));
      assert.deepEqual([...all].toSorted(), ['canary', 'stable']);
    });

    test(`what a client puts into reserved headers chooses nothing`, async () => {
      const headers = {
        ...JSON_TYPE,
        'x-user': 'alice',
        'x-modelweir-cluster': 'default/canary',
        'x-modelweir-route': 'default/other',
        'x-modelweir-route-class': 'none',
        'x-modelweir-variant': 'canary',
        'x-modelweir-model': 'other',
      };
      const honest = await infer('alice');
      const forged = await exchange({
        url: mesh.url + PATH,
        method: 'POST',
        headers,
        body: inferRequest(3),
      });
      assert.equal(forged.status, 200);
      assert.equal(forged.headers['x-modelweir-variant'], honest.headers['x-modelweir-variant']);
      const elsewhere = await exchange({ url: `${mesh.url}/not-a-model`, headers });
      assert.equal(elsewhere.status, 404);
    });

    test(`an unknown model is answered by 404 in each protocol's shape`, async () => {
      const body = '{"model":"nobody","input":"x"}';
      const openInference = await exchange({
        url: `${mesh.url}/v2/models/nobody/infer`,
        method: 'POST',
        headers: JSON_TYPE,
        body: inferRequest(1),
      });
      assert.equal(openInference.status, 404);
      assert.match(JSON.parse(openInference.body.toString()).error, /nobody/);
      const openAi = await exchange({
        url: `${mesh.url}/v1/embeddings`,
        method: 'POST',
        headers: JSON_TYPE,
        body,
      });
      assert.equal(openAi.status, 404);
      assert.equal(JSON.parse(openAi.body.toString()).error.code, 'model_not_found');
    });

    test(`the filters' metrics have labels for Prometheus`, async () => {
      await infer('alice');
      const answer = await exchange({ url: `${mesh.envoy.url}/stats/prometheus` });
      const text = answer.body.toString();
      const counted = [...text.matchAll(/modelweir_router_requests_total{([^}]*)}/g)];
      const has = (...labels: readonly string[]): boolean =>
        counted.some(([, found = '']) => labels.every((label) => found.includes(label)));
      const routed = ['outcome="routed"', 'route="default/double"'];
      assert.ok(has(...routed, 'variant="stable"') || has(...routed, 'variant="canary"'), text);
      assert.ok(has('outcome="model_not_found"'), text);
    });

    test(`a weight of zero takes all traffic away, and no request is lost`, async () => {
      await mesh.write('routes.yaml', routes(0, 100));
      await until(async () => (await infer('alice')).headers['x-modelweir-variant'] === 'canary');
      const before = stable.requests.length;
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => infer(`user-${i}`)));
      assert.ok(outcomes.every((answer) => answer.status === 200));
      assert.equal(stable.requests.length, before);
      await mesh.write('routes.yaml', routes(90, 10));
    });

    const badEdits: readonly [string, string, string, (status: MeshStatus) => boolean][] = [
      [
        'malformed YAML',
        'bad.yaml',
        'kind: [',
        (status) => JSON.stringify(status).includes('bad.yaml'),
      ],
      [
        'a weight of -1',
        'bad.yaml',
        route({ name: 'negative', weights: { stable: -1 } }),
        (status) =>
          condition(status, 'negative', 'Accepted')?.includes('spec.variants[0].weight') === true,
      ],
      [
        'a second route that claims the same host and model',
        'bad.yaml',
        route({ name: 'usurper', model: 'double', weights: { canary: 1 } }),
        (status) => condition(status, 'usurper', 'Accepted')?.includes('double') === true,
      ],
      [
        'a backend that does not exist',
        'bad.yaml',
        route({ name: 'orphan', weights: { nowhere: 1 } }),
        (status) => condition(status, 'orphan', 'ResolvedRefs')?.includes('nowhere') === true,
      ],
    ];
    for (const [name, file, yaml, isShown] of badEdits) {
      test(`${name} is shown with its place, and everything else keeps serving`, async () => {
        await mesh.write(file, yaml);
        await mesh.whenStatus(isShown);
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, i) => infer(`user-${i}`)),
        );
        assert.ok(outcomes.every((answer) => answer.status === 200));
        await mesh.write(file, '');
      });
    }

    test(`200 edits under traffic lose no request and keep Envoy's memory flat`, async () => {
      const stop = new AbortController();
      const traffic = httpLoad({
        connections: 8,
        count: 1_000_000,
        maxMs: 60_000,
        signal: stop.signal,
        request: (index) => ({
          url: mesh.url + PATH,
          method: 'POST',
          headers: { ...JSON_TYPE, 'x-user': `user-${index % 50}` },
          body: inferRequest(index),
        }),
      });
      const updates = () => updateCount(mesh);
      const startUpdates = await updates();
      const weights = Array.from({ length: 200 }, (_, i) => 50 + (i % 50));
      let middleBytes = 0;
      for (const [i, weight] of weights.entries()) {
        const seen = await updates();
        await mesh.write('routes.yaml', routes(weight, 100 - weight));
        await until(async () => (await updates()) > seen);
        if (i === 99) middleBytes = await residentBytes(mesh);
      }
      stop.abort();
      const outcomes = await traffic;
      assert.deepEqual(Object.keys(statusCounts(outcomes)), ['200']);
      assert.ok(outcomes.length > 500, `${outcomes.length} requests`);
      for (const { index, answer } of outcomes) {
        assert.deepEqual(JSON.parse(String(answer?.body)).outputs[0].data, [index * 2]);
      }
      assert.ok((await updates()) - startUpdates >= 200);
      const grown = (await residentBytes(mesh)) - middleBytes;
      assert.ok(
        grown < 8 << 20,
        `resident memory grew by ${grown} bytes over the last 100 updates`,
      );
    });
  });
}

/** Updates of the splitter's configuration that Envoy took. */
async function updateCount(mesh: TestMesh): Promise<number> {
  const stats = await mesh.envoy.stats(/modelweir\.splitter\.config_reload$/);
  return [...stats.values()].reduce((sum, value) => sum + value, 0);
}

async function residentBytes(mesh: TestMesh): Promise<number> {
  const text = await readFile(`/proc/${mesh.envoy.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) * 1024;
}

function condition(status: MeshStatus, name: string, type: string): string | undefined {
  const conditions = status.objects.find((object) => object.name === name)?.conditions ?? [];
  return conditions.find((item) => item.type === type && item.status === 'False')?.message;
}

/** Asks again and again; the test's own timeout is the limit. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
