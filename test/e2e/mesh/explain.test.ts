/** What `modelweir explain` says is what a real Envoy does: the same code decides in both. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';
import { type Explanation, explain } from '../../../control-plane/explain/explain.ts';
import { parseRequestFile } from '../../../control-plane/explain/request-file.ts';
import { Pipeline } from '../../../control-plane/pipeline.ts';
import { FOLDER_DEFAULTS } from '../../../control-plane/store/folder-options.ts';
import { readFolder } from '../../../control-plane/store/folder-source.ts';
import { DEFAULT_LIMITS } from '../../../control-plane/xds/translate.ts';
import { startMesh, type TestMesh } from '../../harness/mesh.ts';
import { type DoublingBackend, startDoublingBackend } from './doubling-backend.ts';
import { backend, inferRequest, route } from './resources.ts';

const USERS = 100;

describe('an explanation', () => {
  let mesh: TestMesh;
  let upstream: DoublingBackend;
  let folder: string;

  before(async () => {
    upstream = await startDoublingBackend();
    const text =
      backend('stable', upstream.port, 'double-v1') +
      backend('canary', upstream.port, 'double-v2') +
      route({
        name: 'double',
        weights: { stable: 50, canary: 50 },
        more: '  sticky: { header: x-user }\n  responses: { decisionHeader: OnRequest }',
      }) +
      route({
        name: 'careful',
        weights: { stable: 9000, canary: 1000 },
        more: `  sticky: { header: x-user }
  variantMatches:
    - { variant: canary, headers: [{ name: x-user, value: user-7 }] }
    - { variant: stable, sourceAddresses: [127.0.0.2] }
  fallback: { variants: [stable] }
  responses: { decisionHeader: Always }`,
      });
    folder = mkdtempSync(join(tmpdir(), 'modelweir-explain-'));
    writeFileSync(join(folder, 'mesh.yaml'), text);
    mesh = await startMesh({ files: { 'mesh.yaml': text } });
    await mesh.whenServing('/v2/models/double/infer', inferRequest(1));
  });
  after(async () => {
    await mesh?.stop();
    await upstream?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function explained(request: string): Promise<Explanation> {
    const event = await readFolder({ ...FOLDER_DEFAULTS, folder });
    const none = { path: '', sha256: '' };
    const options = {
      modules: { chain: none, batcher: none, rewriter: none },
      limits: DEFAULT_LIMITS,
      modelHeader: null,
      accessLog: null,
      outcomeMetrics: false,
    };
    return explain(
      new Pipeline([]).run(event).mesh,
      options,
      parseRequestFile(Buffer.from(request)),
      '127.0.0.1',
    );
  }

  for (const model of ['double', 'careful'])
    test(`names the variant of ${model} that each user gets, why, and the path that it sees`, async () => {
      const variants = new Set<string>();
      for (let user = 0; user < USERS; user++) {
        const path = `/v2/models/${model}/infer?n=1`;
        const headers = {
          'content-type': 'application/json',
          'x-user': `user-${user}`,
          'modelweir-explain': 'please',
        };
        const body = inferRequest(user);
        const answer = await exchange({ url: mesh.url + path, method: 'POST', headers, body });
        const dry = await explained(
          `POST ${path} HTTP/1.1\nhost: x\nx-user: user-${user}\n\n${body}`,
        );
        assert.equal(answer.status, 200);
        assert.equal(dry.variant, answer.headers['x-modelweir-variant']);
        assert.equal(dry.path, upstream.requests.at(-1)?.path);
        assert.equal(answer.headers['x-modelweir-decision'], decisionOf(dry));
        variants.add(dry.variant ?? '');
      }
      assert.deepEqual([...variants].toSorted(), ['canary', 'stable']);
    });
});

/** What Envoy says of a request of which this was said before. */
function decisionOf({ route, variant, reason, sticky, configuration }: Explanation): string {
  const why = reason === 'sticky' ? `sticky:${sticky?.bucket}` : reason;
  return `route=${route};variant=${variant};reason=${why};configuration=${configuration}`;
}
