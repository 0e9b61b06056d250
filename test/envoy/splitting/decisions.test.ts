/** Why a request went where it did: in the access log for each, in the answer for those who may ask. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bucketOf } from '../../../filters/splitter/choice.ts';
import { routeOf } from '../../unit/splitter/routes.ts';
import { modelBackend, modelRoute, type ServedMesh, serve } from '../protocols/resources.ts';
import { type ActingBackend, answer, startActingBackend } from './acting-backend.ts';
import { chat, variantOf } from './asking.ts';
import { type LogEntry, serveLogged } from './logged-mesh.ts';
import { weighted } from './weighted.ts';

const WEIGHTS = { a: 5, b: 5, c: 0 };
const RULES = [{ variant: 'c', headers: [{ name: 'x-tester', value: 'yes' }] }];
const ASKS = { 'modelweir-explain': 'yes' };
const TESTER = { 'x-tester': 'yes' };

let backend: ActingBackend;
let mesh: ServedMesh;

before(async () => {
  backend = await startActingBackend();
  mesh = await serve([
    ...backends(),
    route('never'),
    route('on-request', { responses: { decisionHeader: 'OnRequest' } }),
    route('always', { responses: { decisionHeader: 'Always' } }),
  ]);
});

after(async () => {
  await mesh?.stop();
  await backend?.stop();
});

function backends(): object[] {
  return Object.keys(WEIGHTS).map((name) =>
    modelBackend(name, backend.port, { protocol: 'OpenAI' }),
  );
}

function route(name: string, spec: object = {}): object {
  const variants = weighted(WEIGHTS);
  const sticky = { header: 'x-user' };
  return modelRoute(name, [name], [], { variants, sticky, variantMatches: RULES, ...spec });
}

async function decisionFor(model: string, headers = {}): Promise<string | undefined> {
  const { headers: got } = await chat({ url: mesh.url, model, headers });
  return got['x-modelweir-decision']?.toString();
}

test('a caller is told where the route says always, and elsewhere only if it may ask and does', async () => {
  assert.equal(await decisionFor('never', ASKS), undefined);
  assert.equal(await decisionFor('on-request'), undefined);
  assert.match((await decisionFor('on-request', ASKS)) ?? '', /^route=default\/on-request;/);
  assert.match((await decisionFor('always')) ?? '', /^route=default\/always;/);
});

test('the decision names route, variant, reason and configuration', async () => {
  const matched = await decisionFor('always', TESTER);
  assert.match(
    matched ?? '',
    /^route=default\/always;variant=c;reason=match;configuration=[\w.-]+$/,
  );
  const random = await decisionFor('always');
  assert.match(random ?? '', /;variant=[ab];reason=random;configuration=/);
  for (let user = 0; user < 20; user++) {
    const headers = { 'x-user': `user-${user}` };
    const bucket = bucketOf(routeOf(WEIGHTS, 'default/always'), `user-${user}`);
    assert.match((await decisionFor('always', headers)) ?? '', RegExp(`reason=sticky:${bucket};`));
  }
});

test('a caller can neither send a decision nor make a backend send one', async (t) => {
  backend.act = answer(200, 'ok', { 'x-modelweir-decision': 'forged' });
  t.after(() => {
    backend.act = answer(200, 'ok');
  });
  assert.equal(await decisionFor('never', { 'x-modelweir-decision': 'forged' }), undefined);
  assert.doesNotMatch((await decisionFor('always')) ?? '', /forged/);
  const reserved = Object.keys(backend.attempts.at(-1)?.headers ?? {});
  assert.deepEqual(
    reserved.filter((name) => name.startsWith('x-modelweir')),
    [],
  );
});

test('the access log has variant, reason and configuration of each request', async (t) => {
  const logged = await serveLogged(t, [...backends(), route('m'), route('n')]);
  const ask = async (model: string, headers = {}) =>
    variantOf(await chat({ url: logged.url, model, headers }));
  const matched = await ask('m', TESTER);
  const sticky = await ask('m', { 'x-user': 'alice' });
  const random = await ask('n');
  await ask('nobody');
  const bucket = bucketOf(routeOf(WEIGHTS, 'default/m'), 'alice');
  const entries = await logged.entries();
  assert.deepEqual(entries.map(decided), [
    { route: 'default/m', variant: matched, reason: 'match' },
    { route: 'default/m', variant: sticky, reason: `sticky:${bucket}` },
    { route: 'default/n', variant: random, reason: 'random' },
    { route: null, variant: null, reason: null },
  ]);
  const [first, second, third, refused] = entries.map((entry) => entry['configuration']);
  assert.match(String(first), /^[\w.-]+$/);
  assert.deepEqual([second, third, refused], [first, first, null]);
});

function decided({ route: of, variant, reason }: LogEntry): object {
  return { route: of, variant, reason };
}
