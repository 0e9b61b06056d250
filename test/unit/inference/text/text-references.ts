import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EXAMPLES } from '../../../e2e/inference/pod-process.ts';

/** What examples/models/make_chat.py and make_embed.py computed without Modelweir. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into it, and assert on what they find.
export function readReference(name: string): any {
  const file = path.join(EXAMPLES, '..', 'reference', `${name}.golden.json`);
  return JSON.parse(readFileSync(file, 'utf8'));
}
