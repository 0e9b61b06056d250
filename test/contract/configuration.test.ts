/**
 * One source, two compilers: each configuration must mean the same to the control plane (JavaScript)
 * and to a filter (WebAssembly), byte for byte, and be refused by both for the same reason.
 */
import 'assemblyscript/std/portable/index.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeBatcherConfig, encodeBatcherConfig } from '../../filters/contract/batcher-config.ts';
import { Problems } from '../../filters/contract/fields.ts';
import {
  CONTRACT_VERSION,
  MAX_MATCH_VALUE_LENGTH,
  MAX_VARIANT_MATCHES,
} from '../../filters/contract/limits.ts';
import {
  decodeRewriterConfig,
  encodeRewriterConfig,
} from '../../filters/contract/rewriter-config.ts';
import { decodeRouterConfig, encodeRouterConfig } from '../../filters/contract/router-config.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
} from '../../filters/contract/splitter-config.ts';
import { WasmHost } from '../harness/wasm-host.ts';

const PROBE = fileURLToPath(
  new URL('../../dist/test-modules/contract-probe.wasm', import.meta.url),
);

type Kind = 'router' | 'splitter' | 'batcher' | 'rewriter';

const ROUTER = {
  version: CONTRACT_VERSION,
  disabled: false,
  passUnready: true,
  maxHoldBytes: 1048576,
  maxHeldBytes: 268435456,
  defaultOverLimit: true,
  modelHeader: 'x-model',
  noteOutcome: true,
  noteFacts: false,
  metadataTimeoutMs: 5000,
  routes: [
    {
      name: 'default/digits',
      routeClass: 'timeout-15000',
      strict: true,
      batched: false,
      grpc: false,
    },
  ],
  hosts: [
    {
      hostname: '*',
      models: [{ model: 'digits', route: 0 }],
      claims: [
        {
          model: 'digits',
          prefix: false,
          version: '2',
          protocol: 'OpenInference',
          headers: [{ name: 'x-tier', value: 'beta' }],
          route: 0,
        },
        { model: '', prefix: true, version: '', protocol: '', headers: [], route: 0 },
      ],
    },
  ],
};
const SPLITTER = {
  version: CONTRACT_VERSION,
  disabled: false,
  revision: 3,
  label: 'a1b2c3',
  routes: [
    {
      name: 'default/digits',
      stickyHeader: 'x-user',
      stickyField: 'metadata.tenant',
      variantHeader: true,
      variants: [
        {
          name: 'stable',
          cluster: 'default/digits-stable',
          weight: 90,
          servedModel: 'digits-7',
          servedVersion: '7',
          protocol: 'OpenInference',
        },
        {
          name: 'canary',
          cluster: 'default/digits-canary',
          askCluster: 'outbound|80||canary.ml',
          weight: 10,
          protocol: 'OpenAI',
        },
      ],
      planned: true,
      matches: [
        {
          variant: 'canary',
          headers: [{ name: 'x-tester', value: 'yes' }],
          cookies: [{ name: 'cohort', value: '"bêta"' }],
          fields: [{ name: 'metadata.tenant', value: 'acme' }],
          sources: ['10.0.0.0/8', '2001:db8::/32'],
        },
        { variant: 'stable', headers: [{ name: 'x-tester', value: 'no' }] },
      ],
      shadows: [
        {
          variant: 'canary',
          cluster: 'default/digits#canary!shadow',
          shareBasisPoints: 10000,
          maxBodyBytes: 1048576,
        },
      ],
    },
  ],
};
const REWRITER = {
  version: CONTRACT_VERSION,
  disabled: false,
  route: 'default/digits',
  targets: [
    {
      name: 'default/digits-canary',
      variant: 'canary',
      servedModel: 'digits-8',
      servedVersion: '',
    },
    { name: 'default/digits-stable', variant: 'stable', servedModel: '', servedVersion: '7' },
  ],
  publicModel: true,
  countTokens: true,
  noteAttempts: true,
  shadow: false,
  compare: 'Tensors',
  toleranceMillionths: 1000,
  maxCompareBytes: 65536,
  maxCompareHeldBytes: 16777216,
  compareTimeoutMs: 15000,
  maxHoldBytes: 65536,
};
const BATCHER = {
  version: CONTRACT_VERSION,
  disabled: false,
  maxHeldBytes: 67108864,
  routes: [
    {
      name: 'default/digits',
      maxRows: 32,
      maxBytes: 1048576,
      maxDelayMs: 5,
      maxInFlight: 1,
      timeoutMs: 15000,
      identityHeaders: ['authorization'],
      peerIdentity: true,
      deadlineHeader: 'x-wait-ms',
      retryFailed: false,
      sizeHeaders: true,
      grpc: true,
    },
  ],
};

interface Case {
  readonly name: string;
  readonly kind: Kind;
  readonly text: string;
  /** Part of the reason for a refusal; absent: accepted. */
  readonly refused?: string;
}

const json = JSON.stringify;
const CASES: readonly Case[] = [
  { name: 'a router configuration', kind: 'router', text: json(ROUTER) },
  { name: 'a splitter configuration', kind: 'splitter', text: json(SPLITTER) },
  {
    name: 'a shard of a splitter configuration',
    kind: 'splitter',
    text: json({ ...SPLITTER, shard: 15, shards: 16 }),
  },
  { name: 'a batcher configuration', kind: 'batcher', text: json(BATCHER) },
  { name: 'a rewriter configuration', kind: 'rewriter', text: json(REWRITER) },
  {
    name: 'a rewriter configuration that compares nothing',
    kind: 'rewriter',
    text: json({ ...REWRITER, compare: '', shadow: true }),
  },
  {
    name: 'a splitter route without all that it may lack',
    kind: 'splitter',
    text: json({
      ...SPLITTER,
      routes: [
        {
          name: 'default/digits',
          variantHeader: true,
          variants: [{ name: 'only', cluster: 'default/digits', weight: 1, protocol: 'OpenAI' }],
        },
      ],
    }),
  },
  {
    name: 'a route that tells its decisions',
    kind: 'router',
    text: json(ROUTER).replace('"grpc":false', '"grpc":false,"tellDecision":"OnRequest"'),
  },
  {
    name: 'a router configuration without anything',
    kind: 'router',
    text: json({ ...ROUTER, routes: [], hosts: [] }),
  },
  {
    name: 'names beyond ASCII, quotes, backslashes and escapes',
    kind: 'splitter',
    text: json(SPLITTER).replace('digits-7', 'm\\u00f6del \\"x\\" \\\\ \\ud83d\\ude00 ü'),
  },
  {
    name: 'white space and exponents',
    kind: 'router',
    text: json(ROUTER, null, 2).replace('1048576', '1.048576e6'),
  },
  { name: 'an empty text', kind: 'router', text: '', refused: 'unexpected end' },
  {
    name: 'text after the end',
    kind: 'router',
    text: `${json(ROUTER)} x`,
    refused: 'text after the end',
  },
  {
    name: 'a truncated text',
    kind: 'router',
    text: json(ROUTER).slice(0, -3),
    refused: 'expected',
  },
  {
    name: 'a list in the place of an object',
    kind: 'router',
    text: '[]',
    refused: 'must be an object',
  },
  {
    name: 'an unknown version',
    kind: 'router',
    text: json({ ...ROUTER, version: CONTRACT_VERSION + 1 }),
    refused: `version: this filter understands only ${CONTRACT_VERSION}`,
  },
  {
    name: 'an unknown field',
    kind: 'splitter',
    text: json({ ...SPLITTER, colour: 1 }),
    refused: 'colour: unknown field',
  },
  {
    name: 'an unknown field deep inside',
    kind: 'router',
    text: json(ROUTER).replace('"strict":true', '"strict":true,"x":0'),
    refused: 'routes[0].x: unknown field',
  },
  {
    name: 'a missing field',
    kind: 'splitter',
    text: json(SPLITTER).replace(',"protocol":"OpenInference"', ''),
    refused: 'routes[0].variants[0].protocol: is missing',
  },
  {
    name: 'a text in the place of a number',
    kind: 'splitter',
    text: json(SPLITTER).replace('90', '"90"'),
    refused: 'routes[0].variants[0].weight: must be a whole number',
  },
  {
    name: 'a negative weight',
    kind: 'splitter',
    text: json(SPLITTER).replace('90', '-1'),
    refused: 'weight: must be a whole number from 0 to 1000000',
  },
  {
    name: 'a weight with a fraction',
    kind: 'splitter',
    text: json(SPLITTER).replace('90', '0.5'),
    refused: 'weight: must be a whole number',
  },
  {
    name: 'only weights of zero',
    kind: 'splitter',
    text: json(SPLITTER).replace('90', '0').replace('"weight":10', '"weight":0'),
    refused: 'at least one weight must be above 0',
  },
  {
    name: 'a route index out of range',
    kind: 'router',
    text: json(ROUTER).replace('"route":0', '"route":1'),
    refused: 'hosts[0].models[0].route',
  },
  {
    name: 'a route index of a claim out of range',
    kind: 'router',
    text: json(ROUTER).replace(/"route":0\}\]\}\]/, '"route":1}]}]'),
    refused: 'hosts[0].claims[1].route: must be a whole number from 0 to 0',
  },
  {
    name: 'a claim whose header has no name',
    kind: 'router',
    text: json(ROUTER).replace('x-tier', ''),
    refused: 'hosts[0].claims[0].headers[0].name: must not be empty',
  },
  {
    name: 'more conditions than there may be',
    kind: 'router',
    text: json(ROUTER).replace(
      '[{"name":"x-tier","value":"beta"}]',
      json(Array(17).fill({ name: 'x', value: 'y' })),
    ),
    refused: 'hosts[0].claims[0].headers: must have at most 16 items',
  },
  {
    name: 'an unknown field of a claim',
    kind: 'router',
    text: json(ROUTER).replace('"prefix":true', '"prefix":true,"suffix":true'),
    refused: 'hosts[0].claims[1].suffix: unknown field',
  },
  {
    name: 'no time at all to ask for metadata',
    kind: 'router',
    text: json({ ...ROUTER, metadataTimeoutMs: 0 }),
    refused: 'metadataTimeoutMs: must be a whole number from 1 to 600000',
  },
  {
    name: 'a shard that is none of its shards',
    kind: 'splitter',
    text: json({ ...SPLITTER, shard: 16, shards: 16 }),
    refused: 'shard: must be a whole number from 0 to 15',
  },
  {
    name: 'a shard of nobody knows how many',
    kind: 'splitter',
    text: json({ ...SPLITTER, shard: 1 }),
    refused: 'shard: unknown field',
  },
  {
    name: 'too many shards',
    kind: 'splitter',
    text: json({ ...SPLITTER, shard: 0, shards: 257 }),
    refused: 'shards: must be a whole number from 2 to 256',
  },
  {
    name: 'a path of a field that is too long',
    kind: 'splitter',
    text: json(SPLITTER).replace('metadata.tenant', 'x'.repeat(129)),
    refused: 'routes[0].stickyField: must be at most 128 characters',
  },
  {
    name: 'a control character in a name',
    kind: 'splitter',
    text: json(SPLITTER).replace('digits-7', 'a\\nb'),
    refused: 'routes[0].variants[0].servedModel: must not contain control characters',
  },
  {
    name: 'decisions told to nobody that there is',
    kind: 'router',
    text: json(ROUTER).replace('"grpc":false', '"grpc":false,"tellDecision":"Sometimes"'),
    refused: 'routes[0].tellDecision: must be one of OnRequest, Always',
  },
  {
    name: 'a rule without a variant',
    kind: 'splitter',
    text: json(SPLITTER).replace('"matches":[{"variant":"canary",', '"matches":[{'),
    refused: 'routes[0].matches[0].variant: is missing',
  },
  {
    name: 'a rule with an unknown condition',
    kind: 'splitter',
    text: json(SPLITTER).replace('"sources":', '"regions":[],"sources":'),
    refused: 'routes[0].matches[0].regions: unknown field',
  },
  {
    name: 'a condition without a name',
    kind: 'splitter',
    text: json(SPLITTER).replace('{"name":"cohort"', '{"name":""'),
    refused: 'routes[0].matches[0].cookies[0].name: must not be empty',
  },
  {
    name: 'a value that is longer than any that is compared',
    kind: 'splitter',
    text: json(SPLITTER).replace('acme', 'x'.repeat(MAX_MATCH_VALUE_LENGTH + 1)),
    refused: `routes[0].matches[0].fields[0].value: must be at most ${MAX_MATCH_VALUE_LENGTH}`,
  },
  {
    name: 'a network that is a number',
    kind: 'splitter',
    text: json(SPLITTER).replace('"10.0.0.0/8"', '10'),
    refused: 'routes[0].matches[0].sources[0]: must be a string',
  },
  {
    name: 'more rules than there may be',
    kind: 'splitter',
    text: json(SPLITTER).replace(
      /"matches":\[.*?\}\],"shadows"/,
      `"matches":${json(Array(MAX_VARIANT_MATCHES + 1).fill({ variant: 'canary' }))},"shadows"`,
    ),
    refused: `routes[0].matches: must have at most ${MAX_VARIANT_MATCHES} items`,
  },
  {
    name: 'a second shadow',
    kind: 'splitter',
    text: json(SPLITTER).replace(/"shadows":\[(.*?)\]/, '"shadows":[$1,$1]'),
    refused: 'routes[0].shadows: must have at most 1 items',
  },
  {
    name: 'a share above all',
    kind: 'splitter',
    text: json(SPLITTER).replace('"shareBasisPoints":10000', '"shareBasisPoints":10001'),
    refused: 'routes[0].shadows[0].shareBasisPoints: must be a whole number from 0 to 10000',
  },
  {
    name: 'a rewriter without targets',
    kind: 'rewriter',
    text: json({ ...REWRITER, targets: [] }),
    refused: 'targets: must not be empty',
  },
  {
    name: 'a comparison that there is not',
    kind: 'rewriter',
    text: json({ ...REWRITER, compare: 'Bytes' }),
    refused: 'compare: must be one of Tensors, Labels, Text',
  },
  {
    name: 'a key given twice',
    kind: 'splitter',
    text: '{"version":2,"version":2}',
    refused: 'key version appears twice',
  },
  {
    name: 'nesting beyond the limit',
    kind: 'splitter',
    text: '['.repeat(100),
    refused: 'nested deeper than 32',
  },
  {
    name: 'an empty route name',
    kind: 'batcher',
    text: json(BATCHER).replace('default/digits', ''),
    refused: 'routes[0].name: must not be empty',
  },
  {
    name: 'a batcher route that does not say whether a failed call is sent again',
    kind: 'batcher',
    text: json(BATCHER).replace('"retryFailed":false,', ''),
    refused: 'routes[0].retryFailed: is missing',
  },
  {
    name: 'a deadline header of another type',
    kind: 'batcher',
    text: json(BATCHER).replace('"x-wait-ms"', '7'),
    refused: 'routes[0].deadlineHeader: must be a string',
  },
  {
    name: 'a number where a list of texts is due',
    kind: 'batcher',
    text: json(BATCHER).replace('["authorization"]', '[1]'),
    refused: 'identityHeaders[0]: must be a string',
  },
  {
    name: 'a number that overflows',
    kind: 'router',
    text: json(ROUTER).replace('1048576', '99999999999'),
    refused: 'maxHoldBytes: must be a whole number',
  },
];

function inJavaScript(kind: Kind, text: string): { again: string; problem: string } {
  const problems = new Problems();
  const again = {
    router: () => encode(decodeRouterConfig(text, problems), encodeRouterConfig),
    splitter: () => encode(decodeSplitterConfig(text, problems), encodeSplitterConfig),
    batcher: () => encode(decodeBatcherConfig(text, problems), encodeBatcherConfig),
    rewriter: () => encode(decodeRewriterConfig(text, problems), encodeRewriterConfig),
  }[kind]();
  return { again, problem: problems.text() };
}

function encode<T>(config: T | null, encoder: (config: T) => string): string {
  return config === null ? '' : encoder(config);
}

function inWebAssembly(kind: Kind, text: string): { again: string; problem: string } {
  const host = WasmHost.load(PROBE);
  const accepted = host.configure(host.createRoot(), `${kind}\n${text}`);
  const line = host.logs.at(-1) ?? '';
  return accepted
    ? { again: line.replace(/^warn /, ''), problem: '' }
    : { again: '', problem: line.replace(/^critical configuration refused: /, '') };
}

for (const { name, kind, text, refused } of CASES) {
  test(`${name} is ${refused ? 'refused' : 'accepted'} alike by both`, () => {
    const here = inJavaScript(kind, text);
    assert.deepEqual(inWebAssembly(kind, text), here);
    if (refused === undefined) assert.deepEqual(JSON.parse(here.again), JSON.parse(text));
    else assert.ok(here.problem.includes(refused), `${here.problem} should say ${refused}`);
  });
}

test('encoding is canonical: decoding and encoding again changes no byte', () => {
  const first = inJavaScript('router', json(ROUTER)).again;
  assert.equal(inJavaScript('router', first).again, first);
});

test('a configuration of a thousand routes is understood', () => {
  const routes = Array.from({ length: 1000 }, (_, i) => ({
    ...ROUTER.routes[0],
    name: `default/r${i}`,
  }));
  const models = routes.map((_, i) => ({ model: `model-${i}`, route: i }));
  const text = json({ ...ROUTER, routes, hosts: [{ hostname: '*', models, claims: [] }] });
  assert.deepEqual(inWebAssembly('router', text), inJavaScript('router', text));
});
