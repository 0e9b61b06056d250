/** Repositories with the example models for text, configured anew. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { EXAMPLES } from './pod-process.ts';

export interface TextRepository {
  readonly path: string;
  remove(): void;
}

/** How `tiny-chat` writes messages. */
export const CHAT = {
  user: { before: '<|user|>', after: '<|end|>' },
  assistant: { before: '<|assistant|>', after: '<|end|>' },
  answer: '<|assistant|>',
};

/** A model of the examples under each name, with this configuration. */
export function makeTextRepository(
  models: Readonly<
    Record<string, { readonly from: 'tiny-chat' | 'tiny-embed'; readonly config: object }>
  >,
): TextRepository {
  const folder = mkdtempSync(path.join(tmpdir(), 'text-repository-'));
  for (const [name, { from, config }] of Object.entries(models)) {
    cpSync(path.join(EXAMPLES, from), path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, name, 'config.yaml'), stringify(config));
  }
  return { path: folder, remove: () => rmSync(folder, { recursive: true }) };
}
