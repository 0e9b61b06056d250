/** Conditions as they stand in an object, and what is to be written there. */
import { isDeepStrictEqual } from 'node:util';
import type { Condition } from '../ir/status.ts';

export interface WrittenCondition extends Condition {
  /** RFC 3339: when `status` last became what it is. */
  readonly lastTransitionTime: string;
  readonly observedGeneration: number;
}

const MAX_MESSAGE_LENGTH = 4000;

/** `now`: RFC 3339. Null: what is there already says it. */
export function conditionsToWrite(
  current: readonly WrittenCondition[],
  wanted: readonly Condition[],
  observedGeneration: number,
  now: string,
): readonly WrittenCondition[] | null {
  const written = wanted.map(({ type, status, reason, message }) => {
    const before = current.find((one) => one.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
    const text = message.slice(0, MAX_MESSAGE_LENGTH);
    return { type, status, reason, message: text, lastTransitionTime, observedGeneration };
  });
  return isDeepStrictEqual(sorted(written), sorted(current)) ? null : written;
}

/** Those of an object as the API server has it. */
export function conditionsOf(status: unknown): readonly WrittenCondition[] {
  const { conditions } = (status ?? {}) as { conditions?: unknown };
  return Array.isArray(conditions) ? (conditions as WrittenCondition[]) : [];
}

function sorted(conditions: readonly WrittenCondition[]): object[] {
  return conditions
    .map(({ type, status, reason, message, lastTransitionTime, observedGeneration }) => {
      return { type, status, reason, message, lastTransitionTime, observedGeneration };
    })
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
}
