/** Rules that give requests to a variant whatever the weights are, and why a variant was chosen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPENAI } from '../../../filters/contract/protocols.ts';
import type { TestMatch, TestMesh, TestRoute } from './mesh.ts';
import { splitsOf, type TestRequest, travel } from './travel.ts';

const VARIANTS = [
  { name: 'stable', weight: 10_000, protocol: OPENAI },
  { name: 'canary', weight: 0, protocol: OPENAI },
  { name: 'beta', weight: 0, protocol: OPENAI },
];

function meshOf(matches: readonly TestMatch[], route: TestRoute = {}): TestMesh {
  return { routes: { 'default/r': { models: ['m'], variants: VARIANTS, matches, ...route } } };
}

const BODY = '{"model":"m","user":"ada","metadata":{"tenant":"acme"},"n":3}';
const EACH = meshOf([
  { variant: 'canary', headers: { 'x-tester': 'yes', 'x-team': 'core' } },
  { variant: 'beta', cookies: { cohort: 'beta' } },
  { variant: 'canary', sources: ['10.0.0.0/8', '2001:db8::/32'] },
  { variant: 'beta', fields: { 'metadata.tenant': 'acme', n: '3' } },
]);

const CASES: readonly (TestRequest & { name: string; variant: string })[] = [
  { name: 'no rule', body: '{"model":"m"}', variant: 'stable' },
  {
    name: 'all headers of a rule',
    headers: { 'x-tester': 'yes', 'x-team': 'core' },
    body: BODY,
    variant: 'canary',
  },
  {
    name: 'one header of two',
    headers: { 'x-tester': 'yes' },
    body: '{"model":"m"}',
    variant: 'stable',
  },
  {
    name: 'a cookie among others',
    headers: { cookie: 'a=b; cohort=beta; c=d' },
    body: '{"model":"m"}',
    variant: 'beta',
  },
  { name: 'an address', client: '10.1.2.3:99', body: '{"model":"m"}', variant: 'canary' },
  { name: 'an IPv6 address', client: '[2001:db8::5]:99', body: '{"model":"m"}', variant: 'canary' },
  { name: 'another address', client: '11.1.2.3:99', body: '{"model":"m"}', variant: 'stable' },
  { name: 'no address', client: '', body: '{"model":"m"}', variant: 'stable' },
  { name: 'fields of the body', body: BODY, variant: 'beta' },
  {
    name: 'fields before the model',
    body: '{"n":3,"metadata":{"tenant":"acme"},"model":"m"}',
    variant: 'beta',
  },
  { name: 'one field of two', body: '{"model":"m","n":3}', variant: 'stable' },
  {
    name: 'the first of two true rules',
    headers: { cookie: 'cohort=beta' },
    client: '10.0.0.1:1',
    body: BODY,
    variant: 'beta',
  },
];

for (const { name, variant, ...request } of CASES) {
  test(`${name}: the request goes to ${variant}`, () => {
    for (const pieces of [[request.body], ...splitsOf(Buffer.from(request.body as string))]) {
      const outcome = travel(EACH, { ...request, body: pieces as Uint8Array[] });
      assert.equal(outcome.end, 'send');
      assert.equal(outcome.variant, variant);
      assert.equal(outcome.reason, variant === 'stable' ? 'random' : 'match');
      assert.equal(outcome.body.toString(), request.body);
    }
  });
}

test('a rule wins over a sticky key, and the key decides where no rule is true', () => {
  const mesh = meshOf([{ variant: 'canary', fields: { user: 'ada' } }], { stickyField: 'user' });
  const ada = travel(mesh, { body: BODY });
  assert.deepEqual([ada.variant, ada.reason, ada.key], ['canary', 'match', '']);
  const bob = travel(mesh, { body: BODY.replace('ada', 'bob') });
  assert.deepEqual([bob.variant, bob.reason, bob.key], ['stable', 'sticky', 'bob']);
});

test('a rule that is false by its headers is not waited for', () => {
  const mesh = meshOf([{ variant: 'canary', headers: { a: 'b' }, fields: { user: 'ada' } }]);
  const pieces = ['{"model":"m"', ',"user":"ada"}'];
  assert.equal(travel(mesh, { body: pieces }).sentAfter, 1);
  const waited = travel(mesh, { body: pieces, headers: { a: 'b' } });
  assert.deepEqual([waited.sentAfter, waited.variant], [2, 'canary']);
});

test('a field beyond what is held counts as missing', () => {
  const mesh = { ...meshOf([{ variant: 'canary', fields: { user: 'ada' } }]), maxHoldBytes: 100 };
  const late = `{"model":"m","input":"${'x'.repeat(200)}","user":"ada"}`;
  assert.equal(travel(mesh, { body: late }).variant, 'stable');
});
