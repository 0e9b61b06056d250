/** Which rule gives a request to its variant, and when a body must be waited for. */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problems } from '../../../filters/contract/fields.ts';
import {
  SplitterConfig,
  SplitterRoute,
  SplitterVariant,
} from '../../../filters/contract/splitter-config.ts';
import { MatchValue, SplitterMatch } from '../../../filters/contract/variant-match.ts';
import { Facts, matchOf, NO_MATCH, PENDING } from '../../../filters/splitter/match.ts';
import { compileSplitter, type SplitterProgram } from '../../../filters/splitter/program.ts';
import { randomSource } from '../../harness/random.ts';

type Values = Readonly<Record<string, string>>;

interface TestRule {
  readonly variant: string;
  readonly headers?: Values;
  readonly cookies?: Values;
  readonly fields?: Values;
  readonly sources?: readonly string[];
}

interface TestFacts {
  readonly headers?: Values;
  readonly cookies?: Values;
  /** Null: may still come. */
  readonly fields?: Readonly<Record<string, string | null>>;
  readonly source?: string;
}

const VARIANTS = ['stable', 'canary', 'backup'];

function programOf(rules: readonly TestRule[]): SplitterProgram {
  const variants = VARIANTS.map((name, i) =>
    Object.assign(new SplitterVariant(), { name, cluster: name, weight: i === 0 ? 1 : 0 }),
  );
  const matches = rules.map(({ variant, headers, cookies, fields, sources }) =>
    Object.assign(new SplitterMatch(), {
      variant,
      headers: valuesOf(headers),
      cookies: valuesOf(cookies),
      fields: valuesOf(fields),
      sources: [...(sources ?? [])],
    }),
  );
  const route = Object.assign(new SplitterRoute(), { name: 'r', variants, matches });
  const problems = new Problems();
  const config = Object.assign(new SplitterConfig(), { routes: [route] });
  const program = compileSplitter(config, problems);
  assert.ok(program, problems.text());
  return program;
}

function valuesOf(values: Values = {}): MatchValue[] {
  return Object.entries(values).map(([name, value]) =>
    Object.assign(new MatchValue(), { name, value }),
  );
}

class KnownFacts extends Facts {
  sourceReads = 0;
  private readonly paths: readonly string[];
  private readonly facts: TestFacts;

  constructor(paths: readonly string[], facts: TestFacts) {
    super();
    this.paths = paths;
    this.facts = facts;
  }

  override header(name: string): string {
    return this.facts.headers?.[name] ?? '';
  }

  override cookie(name: string): string {
    return this.facts.cookies?.[name] ?? '';
  }

  override field(index: number): string {
    return this.facts.fields?.[this.paths[index] ?? ''] ?? '';
  }

  override fieldPending(index: number): boolean {
    return this.facts.fields?.[this.paths[index] ?? ''] === null;
  }

  override source(): string {
    this.sourceReads++;
    return this.facts.source ?? '';
  }
}

/** The variant's name, `none` or `pending`. */
function chosen(rules: readonly TestRule[], facts: TestFacts): string {
  const program = programOf(rules);
  const route = program.find('r');
  assert.ok(route);
  const index = matchOf(route, new KnownFacts(program.fields.paths, facts));
  if (index === PENDING) return 'pending';
  return index === NO_MATCH ? 'none' : (route.variants[index]?.name ?? `variant ${index}`);
}

const TESTER: TestRule = { variant: 'canary', headers: { 'X-Tester': 'yes' } };
const ACME: TestRule = { variant: 'backup', fields: { 'metadata.tenant': 'acme' } };
const ALL: TestRule = {
  variant: 'canary',
  headers: { 'x-a': '1', 'x-b': '2' },
  cookies: { cohort: 'beta', seen: 'yes' },
  fields: { user: 'ann', stream: 'true' },
  sources: ['192.0.2.7', '10.0.0.0/8'],
};
const ALL_FACTS = {
  headers: { 'x-a': '1', 'x-b': '2' },
  cookies: { cohort: 'beta', seen: 'yes' },
  fields: { user: 'ann', stream: 'true' },
  source: '10.1.2.3',
};

const CASES: readonly [name: string, rules: TestRule[], facts: TestFacts, variant: string][] = [
  ['a route without rules', [], ALL_FACTS, 'none'],
  [
    'a header with its value, whatever its case',
    [TESTER],
    { headers: { 'x-tester': 'yes' } },
    'canary',
  ],
  ['a header with another value', [TESTER], { headers: { 'x-tester': 'YES' } }, 'none'],
  ['a missing header', [TESTER], {}, 'none'],
  [
    'a variant of weight 0 is given requests too',
    [ACME],
    { fields: { 'metadata.tenant': 'acme' } },
    'backup',
  ],
  ['all conditions hold', [ALL], ALL_FACTS, 'canary'],
  ['one header differs', [ALL], { ...ALL_FACTS, headers: { 'x-a': '1', 'x-b': '3' } }, 'none'],
  ['one cookie is missing', [ALL], { ...ALL_FACTS, cookies: { cohort: 'beta' } }, 'none'],
  ['cookies have case', [ALL], { ...ALL_FACTS, cookies: { Cohort: 'beta', seen: 'yes' } }, 'none'],
  ['one field differs', [ALL], { ...ALL_FACTS, fields: { user: 'bob', stream: 'true' } }, 'none'],
  ['the other network', [ALL], { ...ALL_FACTS, source: '192.0.2.7' }, 'canary'],
  ['no network', [ALL], { ...ALL_FACTS, source: '192.0.2.8' }, 'none'],
  ['an address that is not known', [ALL], { ...ALL_FACTS, source: '' }, 'none'],
  ['an address with a zone', [ALL], { ...ALL_FACTS, source: '10.1.2.3%eth0' }, 'none'],
  ['IPv4 in the form of IPv6', [ALL], { ...ALL_FACTS, source: '::ffff:10.1.2.3' }, 'canary'],
  ['a rule without conditions', [{ variant: 'backup' }], {}, 'backup'],
  ['a rule that asks for an empty value', [{ variant: 'canary', headers: { x: '' } }], {}, 'none'],
  [
    'the first of two true rules',
    [TESTER, ACME],
    { headers: { 'x-tester': 'yes' }, fields: { 'metadata.tenant': 'acme' } },
    'canary',
  ],
  [
    'the second where the first is false',
    [TESTER, ACME],
    { fields: { 'metadata.tenant': 'acme' } },
    'backup',
  ],
  ['a field that may still come', [ACME], { fields: { 'metadata.tenant': null } }, 'pending'],
  ['a field that did not come', [ACME], {}, 'none'],
  [
    'an earlier rule is waited for',
    [ACME, TESTER],
    { headers: { 'x-tester': 'yes' }, fields: { 'metadata.tenant': null } },
    'pending',
  ],
  [
    'a later rule is not',
    [TESTER, ACME],
    { headers: { 'x-tester': 'yes' }, fields: { 'metadata.tenant': null } },
    'canary',
  ],
  [
    'nothing is waited for where a header is wrong',
    [ALL],
    { ...ALL_FACTS, headers: {}, fields: { user: null } },
    'none',
  ],
  [
    'nothing is waited for where a cookie is wrong',
    [ALL],
    { ...ALL_FACTS, cookies: {}, fields: { user: null } },
    'none',
  ],
  [
    'nothing is waited for where the client is wrong',
    [ALL],
    { ...ALL_FACTS, source: '::1', fields: { user: null } },
    'none',
  ],
  [
    'a known field is wrong, the one before may still come',
    [ALL],
    { ...ALL_FACTS, fields: { user: null, stream: 'false' } },
    'none',
  ],
  [
    'a known field is right, the other may still come',
    [ALL],
    { ...ALL_FACTS, fields: { user: 'ann', stream: null } },
    'pending',
  ],
];

for (const [name, rules, facts, variant] of CASES) {
  test(`${name}: ${variant}`, () => assert.equal(chosen(rules, facts), variant));
}

test('the address of a client is asked for once, and only by rules that need it', () => {
  const sources = ['192.0.2.0/24'];
  const rules = [
    { variant: 'canary', headers: { x: 'y' }, sources },
    { variant: 'canary', sources },
    { variant: 'backup', sources: ['10.0.0.0/8'] },
  ];
  const reads = (count: number) => {
    const program = programOf(rules.slice(0, count));
    const facts = new KnownFacts(program.fields.paths, { source: '10.0.0.1' });
    const route = program.find('r');
    assert.ok(route);
    matchOf(route, facts);
    matchOf(route, facts);
    return facts.sourceReads;
  };
  assert.deepEqual([0, 1, 2, 3].map(reads), [0, 0, 1, 1]);
});

test('whatever comes in whichever order, the answer is that of the whole request', () => {
  const random = randomSource(23);
  const some = <T>(list: readonly T[]): T[] => list.filter(() => random(2) === 0);
  const paths = ['user', 'metadata.tenant', 'stream'];
  const valuesFor = (names: readonly string[]) =>
    Object.fromEntries(some(names).map((name) => [name, String(random(2))]));
  for (let round = 0; round < 2000; round++) {
    const rules = Array.from({ length: 1 + random(4) }, () => ({
      variant: VARIANTS[random(3)] ?? '',
      headers: valuesFor(['x-a']),
      fields: valuesFor(paths),
    }));
    const headers = { 'x-a': String(random(2)) };
    const whole: Record<string, string> = valuesFor(paths);
    const answer = chosen(rules, { headers, fields: whole });
    const fields: Record<string, string | null> = Object.fromEntries(
      paths.map((path) => [path, null]),
    );
    let last = chosen(rules, { headers, fields });
    for (const path of paths.toSorted(() => random(3) - 1)) {
      fields[path] = whole[path] ?? '';
      const next = chosen(rules, { headers, fields });
      if (last !== 'pending') assert.equal(next, last, 'what is decided stays');
      last = next;
    }
    assert.equal(last, answer);
  }
});
