/** TrafficPolicy: what requests of a route or to a backend are held to. */
import type { z } from 'zod';
import { MAX_HOLD_BYTES, MAX_TIMEOUT_MS } from '../../filters/contract/limits.ts';
import { withRules } from './cel.ts';
import { choice, list, object, wholeNumber } from './fields.ts';
import { resource } from './metadata.ts';
import { dnsSubdomain, headerName } from './names.ts';
import { looseObject, type Rule } from './rules.ts';

export const MAX_TARGETS = 16;
export const MAX_LIMITS = 16;
const MAX_COUNT = 1_000_000_000;
const SOME_LIMIT = 'must have limits, maxConcurrent or maxBodyBytes';

const limit = object({
  of: choice(['Requests', 'Tokens']).describe('What is counted.'),
  count: wholeNumber(1, MAX_COUNT).describe('So many in each period.'),
  periodMs: wholeNumber(1, MAX_TIMEOUT_MS).default(60_000).describe('In milliseconds.'),
  byHeader: headerName()
    .describe('Each value of this request header has a limit of its own. Default: one for all.')
    .optional(),
});

const spec = withRules(
  object({
    targetRefs: list(
      object({
        kind: choice(['ModelRoute', 'ModelBackend']).describe('Kind of the object.'),
        name: dnsSubdomain().describe('Its name, in the same namespace.'),
      }),
      1,
      MAX_TARGETS,
    ).describe('What the policy is about.'),
    limits: list(limit, 1, MAX_LIMITS).describe('All of them hold.').optional(),
    maxConcurrent: wholeNumber(1, MAX_COUNT).describe('Most requests at one time.').optional(),
    maxBodyBytes: wholeNumber(1, MAX_HOLD_BYTES).describe('Largest request.').optional(),
  }),
  {
    rule: 'has(self.limits) || has(self.maxConcurrent) || has(self.maxBodyBytes)',
    message: SOME_LIMIT,
  },
);

const someLimit: Rule = (said, add) => {
  const { limits, maxConcurrent, maxBodyBytes } = looseObject(said);
  if ([limits, maxConcurrent, maxBodyBytes].every((one) => one === undefined)) add([], SOME_LIMIT);
};

export const trafficPolicy = {
  kind: 'TrafficPolicy',
  plural: 'trafficpolicies',
  shortNames: ['tp'],
  description: 'Limits for the requests of a ModelRoute or to a ModelBackend.',
  columns: [{ name: 'Targets', jsonPath: '.spec.targetRefs[*].name' }],
  schema: resource('TrafficPolicy', spec),
  rules: [someLimit],
} as const;

export type TrafficPolicy = z.output<typeof trafficPolicy.schema>;
