/** What a ModelRoute does to answers on their way back, and what they tell. */
import type { z } from 'zod';
import { choice, flag, object } from './fields.ts';

export const responses = object({
  publicModel: flag()
    .default(false)
    .describe('The model of an answer is the name that the client used.'),
  countTokens: flag().default(false).describe("Counts tokens from the answers' usage."),
  attemptsHeader: flag()
    .default(false)
    .describe('Answers carry x-modelweir-attempts: who was asked, in turn.'),
  decisionHeader: choice(['Never', 'OnRequest', 'Always'])
    .default('Never')
    .describe('Answers carry x-modelweir-decision: why the request went where it did.'),
});

export type Responses = z.output<typeof responses>;
