import type { z } from 'zod';
import { invalid } from '../../protocol/errors.ts';
import { type Fields, isObject } from '../../protocol/request-fields.ts';
import { splitInferBody } from '../infer-body.ts';
import { FieldError } from './openai-error.ts';

/** @throws RequestError when the body is no JSON object. */
export function parseBody(bytes: Buffer): Fields {
  const { json = '' } = splitInferBody(bytes, undefined);
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch (error) {
    throw invalid(`the body is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (isObject(body)) return body;
  throw invalid('the body must be a JSON object');
}

/** Fields that the schema does not know are let through. @throws FieldError naming the first wrong one. */
export function parseFields<T extends z.ZodType>(schema: T, body: Fields): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FieldError(pathOf(issue?.path ?? []), `is wrong: ${issue?.message}`);
}

function pathOf(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
}

/** The name of the model that is meant. @throws FieldError */
export function modelNameOf(body: Fields): string {
  const name = body['model'];
  if (typeof name === 'string' && name !== '') return name;
  throw new FieldError('model', 'must be the name of a model');
}
