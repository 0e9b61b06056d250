/** What is fuzzed: a way to make cases, and a claim that has to hold of each of them. */
import type { Random } from '../harness/random-json.ts';

/** All that a check depends on: of the same case it says the same. */
export interface FuzzCase<Setting = unknown> {
  /** What is made smaller when the claim does not hold. */
  readonly body: Buffer;
  /** What the body is read with. Plain JSON. */
  readonly setting: Setting;
}

export interface FuzzTarget<Setting = unknown> {
  readonly name: string;
  /** What is compared with what, for who reads the report. */
  readonly claim: string;
  /** Whether a case is one still with other bytes; by default all are. */
  mayShrink?(fuzzCase: FuzzCase<Setting>): boolean;
  generate(random: Random): FuzzCase<Setting>;
  /**
   * How often it read the body.
   * @throws {Error} where the claim does not hold.
   */
  check(fuzzCase: FuzzCase<Setting>): number | Promise<number>;
}
