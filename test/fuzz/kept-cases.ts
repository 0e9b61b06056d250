/** Cases in files, `seeds/TARGET/NAME.json`: those that failed once, and a few that are worth a look. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzCase } from './target.ts';

const FOLDER = fileURLToPath(new URL('seeds', import.meta.url));

export interface KeptCase extends FuzzCase {
  readonly file: string;
}

/** How a case stands in its file. */
interface CaseFile {
  /** What is worth a look in it, or what failed. */
  readonly why: string;
  readonly setting: unknown;
  /** A character a byte. */
  readonly body: string;
}

export function keptCases(target: string): KeptCase[] {
  const folder = join(FOLDER, target);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.toSorted().map((name) => {
    const file = join(folder, name);
    const { setting, body } = JSON.parse(readFileSync(file, 'utf8')) as CaseFile;
    return { file, setting, body: Buffer.from(body, 'latin1') };
  });
}

/** Returns the file's path. */
export function keepCase(target: string, name: string, why: string, kept: FuzzCase): string {
  const folder = join(FOLDER, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  const content: CaseFile = {
    why,
    setting: kept.setting,
    body: kept.body.toString('latin1'),
  };
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`);
  return file;
}
