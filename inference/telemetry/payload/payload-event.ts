/**
 * Owns the form of the payload log: CloudEvents 1.0 in structured mode, a line of JSON each. It runs in the log's
 * own thread, so that numbers become text where nobody waits for it.
 */
import { elements } from '../../protocol/infer-response.ts';
import type { Datatype, TensorData } from '../../protocol/tensor.ts';

/** What a request and its answer share. */
export interface PayloadCall {
  /** Pairs the two. */
  readonly correlation: string;
  readonly protocol: string;
  readonly model: string;
  readonly version: string;
  /** Of the request, when it has one. */
  readonly id: string | undefined;
  /** The caller's trace, and its header x-request-id. */
  readonly traceparent: string | undefined;
  readonly requestId: string | undefined;
}

export interface PayloadTensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Undefined: `omitted` says why. */
  readonly data: TensorData | undefined;
}

export interface Payload {
  readonly timeMs: number;
  readonly tensors: readonly PayloadTensor[];
  readonly parameters: Readonly<Record<string, unknown>> | undefined;
  /** In place of tensors: why there is no answer. `reason` is left out where it might tell what is redacted. */
  readonly error: { readonly code: string; readonly reason: string | undefined } | undefined;
  /** Of fields such as "input.x": "redacted" or "too large". */
  readonly omitted: Readonly<Record<string, string>>;
}

type Kind = 'request' | 'response';

/** One line, with its end. */
export function eventLine(kind: Kind, call: PayloadCall, payload: Payload): string {
  const envelope = JSON.stringify({
    specversion: '1.0',
    // An event's own: source and id together are never used twice.
    id: `${call.correlation}.${kind}`,
    source: `/v2/models/${encodeURIComponent(call.model)}/versions/${encodeURIComponent(call.version)}`,
    type: `dev.modelweir.inference.${kind}`,
    time: new Date(payload.timeMs).toISOString(),
    datacontenttype: 'application/json',
    correlationid: call.correlation,
    protocol: call.protocol,
    traceparent: call.traceparent,
    requestid: call.requestId,
  });
  return `${envelope.slice(0, -1)},"data":${dataOf(kind, call, payload)}}\n`;
}

function dataOf(kind: Kind, call: PayloadCall, payload: Payload): string {
  const { tensors, parameters, error, omitted } = payload;
  const members: string[] = [];
  if (kind === 'response') {
    members.push(`"model_name":${JSON.stringify(call.model)}`);
    members.push(`"model_version":${JSON.stringify(call.version)}`);
  }
  if (call.id !== undefined) members.push(`"id":${JSON.stringify(call.id)}`);
  if (parameters) members.push(`"parameters":${JSON.stringify(parameters, exact)}`);
  if (error) members.push(`"code":${JSON.stringify(error.code)}`);
  if (error?.reason !== undefined) members.push(`"error":${JSON.stringify(error.reason)}`);
  if (!error || kind === 'request') {
    const list = kind === 'request' ? 'inputs' : 'outputs';
    members.push(`"${list}":[${tensors.map(tensorText).join(',')}]`);
  }
  if (Object.keys(omitted).length > 0) members.push(`"omitted":${JSON.stringify(omitted)}`);
  return `{${members.join(',')}}`;
}

function tensorText({ name, datatype, shape, data }: PayloadTensor): string {
  const head = `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`;
  return data ? `${head},"data":[${elements(datatype, data)}]}` : `${head}}`;
}

/** JSON has no BigInt; as text it keeps all its digits. */
function exact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
