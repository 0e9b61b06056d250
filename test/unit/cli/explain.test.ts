import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { folderWith, modelweir } from './command.ts';

const RESOURCES = `apiVersion: modelweir.dev/v1alpha1
kind: ModelBackend
metadata: { name: gpt }
spec:
  protocol: OpenAI
  endpoints: [{ address: 127.0.0.1, port: 9001 }]
  model: { name: gpt-2026 }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: gpt }
spec:
  hostnames: [api.example.com]
  models: [{ name: gpt, aliases: [chat] }, { name: "gpt-*" }]
  variants:
    - { name: stable, backendRef: { name: gpt }, weight: 90 }
    - { name: canary, backendRef: { name: gpt }, weight: 10, servedModel: gpt-next }
  sticky: { bodyField: user }
---
apiVersion: modelweir.dev/v1alpha1
kind: ModelRoute
metadata: { name: beta }
spec:
  hostnames: [api.example.com]
  models: [{ name: gpt }]
  matches: [{ headers: [{ name: x-team, value: research }], protocol: OpenAI }]
  variants: [{ name: only, backendRef: { name: gpt } }]
`;

async function explained(context: TestContext, request: string, ...args: string[]) {
  const folder = folderWith(context, { 'resources.yaml': RESOURCES });
  const requests = folderWith(context, { 'request.http': request });
  const run = await modelweir('explain', folder, `${requests}/request.http`, ...args);
  return { ...run, lines: run.stdout.trimEnd().split('\n') };
}

function chat(body: string, ...headers: string[]): string {
  const head = ['POST /v1/chat/completions HTTP/1.1', 'Host: api.example.com:8080', ...headers];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

test('a request with a sticky field is explained to its last change', async (context) => {
  const { code, lines, stderr } = await explained(
    context,
    chat('{"model":"gpt","messages":[],"user":"alice"}'),
  );
  assert.equal(code, 0, stderr);
  assert.deepEqual(lines, [
    'outcome   sent',
    'protocol  OpenAI',
    'host      api.example.com:8080',
    'model     gpt',
    'route     default/gpt, which claims gpt at api.example.com',
    'variant   stable, bucket 263 of key "alice"',
    'cluster   default/gpt',
    'body      {"model":"gpt-2026","messages":[],"user":"alice"}',
  ]);
});

test('without a key the choice is left to chance, and the shares are shown', async (context) => {
  const { lines } = await explained(context, chat('{"model":"gpt-5","messages":[]}'));
  assert.ok(
    lines.includes('route     default/gpt, which claims gpt-* at api.example.com'),
    lines.join('\n'),
  );
  assert.equal(lines.at(-1), 'variant   at random: canary 10 %, stable 90 %');
});

test('a claim on conditions is named with the conditions that hold', async (context) => {
  const { lines } = await explained(context, chat('{"model":"gpt"}', 'X-Team: research'));
  const route =
    'route     default/beta, which claims gpt at api.example.com with protocol OpenAI, x-team: research';
  assert.ok(lines.includes(route), lines.join('\n'));
  assert.ok(lines.includes('variant   only, the only one'), lines.join('\n'));
});

test('a refusal is shown as the client would see it, with exit code 1', async (context) => {
  const { code, lines } = await explained(context, chat('{"model":"other"}'));
  assert.equal(code, 1);
  assert.equal(lines[0], 'outcome   refused');
  assert.match(
    lines.at(-1) ?? '',
    /^answer {4}404 .*"the model 'other' does not exist".*model_not_found/,
  );
});

test('a second model is refused as the strict scan refuses it', async (context) => {
  const { code, stdout } = await explained(context, chat('{"model":"gpt","model":"chat"}'));
  assert.equal(code, 1);
  assert.match(stdout, /400 .*duplicate_model/);
});

test('a request for no model of the host passes, with exit code 1', async (context) => {
  const { code, stdout } = await explained(context, 'GET /metrics\nhost: api.example.com\n\n');
  assert.equal(code, 1);
  assert.equal(stdout, 'outcome   passed: the request asks for no model of this host\n');
});

test('what the proxy answers itself is shown', async (context) => {
  const { code, stdout } = await explained(context, 'GET /v1/models\nhost: api.example.com');
  assert.equal(code, 0);
  assert.match(stdout, /^outcome {3}answered\n/);
  assert.match(stdout, /answer {4}200 .*"id":"chat".*"id":"gpt"/);
});

test('scripts get JSON', async (context) => {
  const request = chat('{"model":"chat","user":"bob"}');
  const { stdout } = await explained(context, request, '--output', 'json');
  const explanation = JSON.parse(stdout);
  assert.equal(explanation.outcome, 'sent');
  assert.equal(explanation.route, 'default/gpt');
  assert.equal(explanation.claim.model, 'chat');
  assert.equal(explanation.sticky.key, 'bob');
});

test('a file that is no request is refused with the place of the fault', async (context) => {
  const first = await explained(context, 'hello');
  assert.equal(first.code, 2);
  assert.match(first.stderr, /request\.http: line 1 is not "METHOD \/path"/);
  const second = await explained(context, 'GET /v1/models\nno header\n\n');
  assert.equal(second.code, 2);
  assert.match(second.stderr, /line 2 is not "name: value"/);
});

test('a file that is missing is refused', async (context) => {
  const folder = folderWith(context, { 'resources.yaml': RESOURCES });
  const { code, stderr } = await modelweir('explain', folder, `${folder}/none.http`);
  assert.equal(code, 2);
  assert.match(stderr, /none\.http cannot be read \(ENOENT\)/);
});
