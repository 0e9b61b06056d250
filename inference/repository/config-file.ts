import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { z } from 'zod';
import { type ModelConfig, modelConfig } from './model-config.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * Reads a model's `config.yaml`.
 * @throws Error listing everything that is wrong with it, by field.
 */
export async function readModelConfig(path: string): Promise<ModelConfig> {
  const text = await readFile(path, 'utf8');
  if (text.length > MAX_BYTES) throw new Error(`config.yaml: is over ${MAX_BYTES} bytes`);
  return parseModelConfig(text);
}

/** @throws Error listing everything that is wrong with it, by field. */
export function parseModelConfig(text: string): ModelConfig {
  let value: unknown;
  try {
    // No aliases: a small file must not stand for a large one.
    value = parse(text, { maxAliasCount: 0 }) ?? {};
  } catch (error) {
    throw new Error(`config.yaml: ${(error as Error).message}`);
  }
  const result = modelConfig.safeParse(value);
  if (result.success) return result.data;
  const complaints = result.error.issues.flatMap(complaintsOf);
  throw new Error(`config.yaml: ${[...new Set(complaints)].join('; ')}`);
}

function complaintsOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${fieldOf([...issue.path, key])}: is no field`);
  }
  // Of the alternatives, the one that the writer meant is not known: name the field.
  if (issue.code === 'invalid_union') return [`${fieldOf(issue.path)}: ${unionText(issue.errors)}`];
  return [`${fieldOf(issue.path)}: ${issue.message}`];
}

function unionText(alternatives: readonly (readonly z.core.$ZodIssue[])[]): string {
  return alternatives
    .map((issues) => issues.map(({ path, message }) => [...path, message].join(': ')).join(', '))
    .join(' or ');
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'the file' : path.map(String).join('.');
}
