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
import { CONTRACT_VERSION } from '../../filters/contract/limits.ts';
import { decodeRouterConfig, encodeRouterConfig } from '../../filters/contract/router-config.ts';
import {
  decodeSplitterConfig,
  encodeSplitterConfig,
} from '../../filters/contract/splitter-config.ts';
import { WasmHost } from '../harness/wasm-host.ts';

const PROBE = fileURLToPath(
  new URL('../../dist/test-modules/contract-probe.wasm', import.meta.url),
);

type Kind = 'router' | 'splitter' | 'batcher';

const ROUTER = {
  version: CONTRACT_VERSION,
  disabled: false,
  maxHoldBytes: 1048576,
  maxHeldBytes: 268435456,
  defaultOverLimit: true,
  modelHeader: 'x-model',
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
          weight: 10,
          servedModel: '',
          servedVersion: '',
          protocol: 'OpenAI',
        },
      ],
    },
  ],
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
      sizeHeaders: true,
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
  { name: 'a batcher configuration', kind: 'batcher', text: json(BATCHER) },
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
    text: json(SPLITTER).replace(',"servedVersion":"7"', ''),
    refused: 'routes[0].variants[0].servedVersion: is missing',
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
