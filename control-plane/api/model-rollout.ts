/** ModelRollout: how a variant of a route gets its share, step by step. */
import type { z } from 'zod';
import { ALL_BASIS_POINTS, MAX_TIMEOUT_MS, MAX_VARIANTS } from '../../filters/contract/limits.ts';
import { withRules } from './cel.ts';
import { choice, list, object, wholeNumber } from './fields.ts';
import { resource } from './metadata.ts';
import { dnsLabel, dnsSubdomain } from './names.ts';
import { looseList, type Rule } from './rules.ts';

export const MAX_STEPS = 100;
export const MAX_MEASURES = 16;
export const MAX_REQUESTS = 1_000_000_000;
const MAX_PAUSE_SECONDS = 30 * 24 * 3600;
const MILLION = 1_000_000;

const ONE_BOUND = 'must have min, max, or both';

const step = object({
  weightBasisPoints: wholeNumber(0, ALL_BASIS_POINTS).describe(
    "The canary's share from this step on, in hundredths of a percent.",
  ),
  pauseSeconds: wholeNumber(0, MAX_PAUSE_SECONDS)
    .default(60)
    .describe('Shortest time before the next step.'),
  gate: choice(['Analysis', 'Approval'])
    .default('Analysis')
    .describe('What leads on: good measures, or a person who says so.'),
});

const measure = withRules(
  object({
    name: choice([
      'SuccessMillionths',
      'LatencyP50Ms',
      'LatencyP99Ms',
      'FirstByteP99Ms',
      'TokensPerSecond',
      'AgreementMillionths',
    ]).describe('What is measured of the canary.'),
    min: wholeNumber(0, MAX_REQUESTS).describe('Smallest good value.').optional(),
    max: wholeNumber(0, MAX_REQUESTS).describe('Largest good value.').optional(),
  }),
  { rule: 'has(self.min) || has(self.max)', message: ONE_BOUND },
);

const analysis = object({
  intervalMs: wholeNumber(1000, MAX_TIMEOUT_MS)
    .default(30_000)
    .describe('Time that one verdict is about, in milliseconds.'),
  minRequests: wholeNumber(1, MILLION)
    .default(100)
    .describe('With fewer requests of the canary there is no verdict.'),
  maxFailures: wholeNumber(0, MAX_VARIANTS)
    .default(1)
    .describe('So many bad verdicts are borne before onFailure.'),
  measures: list(measure, 1, MAX_MEASURES).describe('All of them must be good.'),
});

const spec = object({
  routeRef: object({
    name: dnsSubdomain().describe('A ModelRoute in the same namespace.'),
  }).describe('The route whose weights are led.'),
  stable: dnsLabel().describe('The variant that has what the canary has not.'),
  canary: dnsLabel().describe('The variant that is to take over.'),
  steps: list(step, 1, MAX_STEPS).describe('Shares of the canary, in turn.'),
  analysis: analysis.describe('What decides whether the next step is taken.').optional(),
  onFailure: choice(['Rollback', 'Pause'])
    .default('Rollback')
    .describe('What to do when measures are bad.'),
  onTooLittleData: choice(['Wait', 'Pause', 'Rollback'])
    .default('Wait')
    .describe('What to do where there are too few requests for a verdict.'),
});

const oneBound: Rule = ({ analysis: said }, add) => {
  const { measures } = (said ?? {}) as { measures?: unknown };
  looseList(measures).forEach((one, index) => {
    if ('min' in one || 'max' in one) return;
    add(['analysis', 'measures', index], ONE_BOUND);
  });
};

export const modelRollout = {
  kind: 'ModelRollout',
  plural: 'modelrollouts',
  shortNames: ['mro'],
  description: 'Leads a variant of a ModelRoute from no requests to all of them, step by step.',
  columns: [{ name: 'Route', jsonPath: '.spec.routeRef.name' }],
  schema: resource('ModelRollout', spec),
  rules: [oneBound],
} as const;

export type ModelRollout = z.output<typeof modelRollout.schema>;
