/** The little of the Open Inference Protocol that the sample traffic speaks. */
import type { Answer } from './exchange.ts';

/** Body of an infer request with one FP32 input; all rows have the same length. */
export function inferBody(input: string, rows: readonly (readonly number[])[]): string {
  const shape = [rows.length, rows[0]?.length ?? 0];
  return JSON.stringify({ inputs: [{ name: input, shape, datatype: 'FP32', data: rows.flat() }] });
}

/** The numbers of one output; null when the answer has none such. */
export function outputOf(answer: Answer, name: string): readonly number[] | null {
  const body = jsonOf(answer) as { outputs?: { name?: string; data?: number[] }[] } | null;
  return body?.outputs?.find((output) => output.name === name)?.data ?? null;
}

/** The protocol's error text; null when the body is none. */
export function errorOf(answer: Answer): string | null {
  const body = jsonOf(answer) as { error?: unknown } | null;
  return typeof body?.error === 'string' ? body.error : null;
}

function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.body.toString());
  } catch {
    return null;
  }
}
