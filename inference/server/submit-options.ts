import { invalid } from '../protocol/errors.ts';
import type { InferRequest } from '../protocol/infer-request.ts';
import type { SubmitOptions } from '../runtime/request-intake.ts';
import type { InferCall } from '../telemetry/infer-watcher.ts';

/** Envoy writes into it how long it will wait for this attempt. */
const EXPECTED_TIMEOUT_HEADER = 'x-envoy-expected-rq-timeout-ms';

/**
 * What a request says of its own urgency, in Triton's parameters `priority` (1 is the most urgent) and `timeout`
 * (microseconds), in gRPC's deadline or in Envoy's header; the earliest deadline counts.
 * @returns undefined when it says nothing.
 * @throws RequestError when a parameter is no such number.
 */
export function submitOptionsOf(
  { parameters }: InferRequest,
  call: InferCall,
): SubmitOptions | undefined {
  let { deadlineMs, priority } = call;
  const expected = call.header(EXPECTED_TIMEOUT_HEADER);
  if (expected !== undefined) deadlineMs = earlier(deadlineMs, Number(expected), call);
  if (parameters) {
    const timeoutUs = countOf(parameters['timeout'], 'timeout');
    if (timeoutUs > 0) deadlineMs = earlier(deadlineMs, timeoutUs / 1000, call);
    priority = countOf(parameters['priority'], 'priority') || priority;
  }
  return deadlineMs === undefined && priority === undefined ? undefined : { deadlineMs, priority };
}

function earlier(
  deadlineMs: number | undefined,
  timeoutMs: number,
  call: InferCall,
): number | undefined {
  // A proxy that does not mean to time out writes no number, or 0.
  if (!(timeoutMs > 0)) return deadlineMs;
  return Math.min(
    deadlineMs ?? Number.POSITIVE_INFINITY,
    (call.startMs ?? performance.now()) + timeoutMs,
  );
}

/** 0: not given, or left to the server, as Triton has it. */
function countOf(value: unknown, key: string): number {
  if (value === undefined) return 0;
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  const number = typeof count === 'bigint' ? Number(count) : count;
  if (Number.isSafeInteger(number) && (number as number) >= 0) return number as number;
  throw invalid(`"parameters": "${key}" must be an integer of 0 or more`);
}
