/** What a ModelRoute does to answers on their way back, and what they tell. */
import type { z } from 'zod';
import { choice, flag, object } from './fields.ts';

export const responses = object({
  publicModel: flag().default(false),
  countTokens: flag().default(false),
  attemptsHeader: flag().default(false),
  decisionHeader: choice(['Never', 'OnRequest', 'Always']).default('Never'),
});

export type Responses = z.output<typeof responses>;
