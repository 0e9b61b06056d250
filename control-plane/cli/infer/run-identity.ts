/** What an output was made of, kept beside it, so that nobody continues it with another input or model. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { CommandFailure } from '../failure.ts';

export interface RunIdentity {
  readonly input: FileIdentity;
  readonly model: FileIdentity;
  /** What of the input the model gets. */
  readonly ignore: readonly string[];
  readonly noHeader: boolean;
}

export interface FileIdentity {
  readonly bytes: number;
  readonly sha256: string;
}

/** Where the record of an output is kept. */
export function recordPath(output: string): string {
  return `${output}.run.json`;
}

/** Reads the whole file once: half of one cannot be told from the other half. */
export async function fileIdentity(path: string): Promise<FileIdentity> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1_048_576 }), hash);
  return { bytes: (await stat(path)).size, sha256: hash.digest('hex') };
}

export async function writeRecord(output: string, identity: RunIdentity): Promise<void> {
  await writeFile(recordPath(output), `${JSON.stringify(identity, null, 2)}\n`);
}

/** @throws CommandFailure where the output is of something else, or nothing says of what. */
export async function checkRecord(output: string, identity: RunIdentity): Promise<void> {
  const path = recordPath(output);
  let recorded: RunIdentity;
  try {
    recorded = JSON.parse(await readFile(path, 'utf8')) as RunIdentity;
  } catch {
    throw new CommandFailure(
      `${path} cannot be read, so nothing says what ${output} was made of: remove ${output} to begin again`,
      2,
    );
  }
  for (const key of Object.keys(identity) as (keyof RunIdentity)[]) {
    if (JSON.stringify(recorded[key]) === JSON.stringify(identity[key])) continue;
    throw new CommandFailure(
      `${output} was begun with another ${WORDS[key]}: give the same one, or remove ${output} to begin again`,
      2,
    );
  }
}

const WORDS: Readonly<Record<keyof RunIdentity, string>> = {
  input: '--input (its bytes differ)',
  model: '--model (its bytes differ)',
  ignore: '--ignore',
  noHeader: '--no-header',
};
