/** Makes a failing case smaller: takes bytes out of its body for as long as it still fails. */
import type { FuzzCase, FuzzTarget } from './target.ts';

const MAX_CHECKS = 3000;

/** The smallest body that was found to fail. Whatever the failure: a shorter one is as good. */
export async function shrink(target: FuzzTarget, failing: FuzzCase): Promise<FuzzCase> {
  let smallest = failing;
  let checks = 0;
  for (let size = Math.ceil(failing.body.length / 2); size >= 1; size = Math.floor(size / 2)) {
    let at = 0;
    while (at < smallest.body.length && checks < MAX_CHECKS) {
      const { body } = smallest;
      const shorter = Buffer.concat([body.subarray(0, at), body.subarray(at + size)]);
      const candidate = { ...smallest, body: shorter };
      checks++;
      if ((await failureOf(target, candidate)) === null) at += size;
      else smallest = candidate;
    }
  }
  return smallest;
}

/** Why the claim does not hold of a case; null: it does. */
export async function failureOf(target: FuzzTarget, fuzzCase: FuzzCase): Promise<Error | null> {
  try {
    await target.check(fuzzCase);
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
