/** The configurations under which the built chain is fuzzed: together they have everything it can be told. */
import type { TestMesh } from '../../unit/chain/mesh.ts';

export const STICKY_HEADER = 'x-user';
export const MODEL_HEADER = 'x-model';
export const TENANT_HEADER = 'x-tenant';

/** Models that random bodies name. */
const COMMON = ['a', 'gpt-4o', 'model', 'digits', 'org/llama-3:8b', 'whisper-1', 'org/model:8b'];

/** Everything checked, everything renamed, everything noted. */
const strict: TestMesh = {
  noteOutcome: true,
  noteFacts: true,
  maxHoldBytes: 100_000,
  routes: {
    'default/renamed': {
      models: COMMON,
      stickyHeader: STICKY_HEADER,
      variants: [
        { name: 'stable', weight: 3, servedModel: 'served "ü"/\\ 😀', servedVersion: '2' },
        { name: 'canary', weight: 1, servedModel: 'a', protocol: 'OpenInferenceGRPC' },
      ],
    },
    'default/plain': {
      models: ['日本', 'grüße', '😀'],
      batched: true,
      routeClass: 'timeout-1000',
      variantHeader: false,
    },
  },
};

/** Reading that stops early, fields of the body that decide, and a limit that most bodies pass. */
const fast: TestMesh = {
  maxHoldBytes: 60,
  defaultOverLimit: true,
  routes: {
    'default/by-user': {
      models: COMMON,
      strict: false,
      stickyField: 'user',
      variants: [{ name: 'one' }, { name: 'two' }, { name: 'none', weight: 0 }],
    },
    'default/by-tenant': {
      models: ['grüße', 'mode', '日本'],
      stickyField: 'metadata.tenant',
      stickyHeader: STICKY_HEADER,
      variants: [{ name: 'one', servedModel: 'renamed' }, { name: 'two' }],
    },
    'default/rest': {
      claims: [{ model: '', prefix: true }],
      strict: false,
      variants: [{ name: 'only', servedModel: 'rest' }],
    },
  },
};

/** Hosts, prefixes and conditions, a header that names the model, and backends of another protocol. */
const claims: TestMesh = {
  noteFacts: true,
  modelHeader: MODEL_HEADER,
  maxHoldBytes: 1000,
  routes: {
    'eu/host': {
      hostname: 'eu.example.com',
      models: COMMON,
      variants: [{ name: 'only', servedModel: 'eu', protocol: 'OpenInference' }],
    },
    'eu/suffix': {
      hostname: '*.example.com',
      claims: [
        { model: 'a', version: '2' },
        { model: 'a', headers: { [TENANT_HEADER]: 'gold' } },
        { model: 'org/', prefix: true, protocol: 'OpenAI' },
      ],
      variants: [{ name: 'only', servedModel: 'suffix', servedVersion: '7' }],
    },
    'default/open-ai': {
      models: ['gpt-4o', 'a'],
      variants: [{ name: 'only', servedModel: 'o', protocol: 'OpenAI' }],
    },
    'default/grpc': {
      models: ['digits', 'org/llama-3:8b'],
      claims: [{ model: 'a', protocol: 'OpenInferenceGRPC' }],
      variants: [
        {
          name: 'only',
          servedModel: 'long'.repeat(60),
          servedVersion: '1',
          protocol: 'OpenInferenceGRPC',
        },
      ],
    },
  },
};

/** Hardly anything may be held. */
const tight: TestMesh = {
  maxHoldBytes: 1000,
  maxHeldBytes: 40,
  routes: { 'default/only': { models: COMMON, variants: [{ servedModel: 'b' }] } },
};

/** Routes whose clusters have rewriters, copies, rules before the weights, and callers that are told. */
const planned: TestMesh = {
  noteOutcome: true,
  maxHoldBytes: 1000,
  routes: {
    'default/planned': {
      models: ['a', 'model', 'digits', '日本'],
      planned: true,
      batched: true,
      tellDecision: 'Always',
      stickyField: 'user',
      matches: [
        { variant: 'other', headers: { [TENANT_HEADER]: 'gold' }, fields: { user: 'a' } },
        { variant: 'other', cookies: { cohort: 'beta' } },
      ],
      variants: [
        { name: 'only', servedModel: 'served-1' },
        { name: 'other', weight: 0, servedModel: 'served "2"' },
      ],
    },
    'default/copied': {
      models: ['gpt-4o', 'org/llama-3:8b', 'whisper-1', 'grüße'],
      batched: true,
      shadow: { variant: 'other', maxBodyBytes: 300 },
      matches: [{ variant: 'other', fields: { 'metadata.tenant': 'a' } }],
      variants: [
        { name: 'only', servedModel: 'served-1' },
        { name: 'other', weight: 0 },
      ],
    },
  },
};

export const MESHES: readonly TestMesh[] = [strict, fast, claims, tight, planned];
