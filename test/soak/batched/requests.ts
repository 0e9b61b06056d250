/** What the clients of the batched soak send, and what each has to get: what it would get alone. */
import {
  binaryMessage,
  embeddingsMessage,
  inferMessage,
  instancesMessage,
  type Message,
  serve,
} from '../../unit/batcher/model-server.ts';
import { requestBytes, type SoakRequest } from '../requests.ts';

/** Public names; the backend knows them by the same ones. */
export const MODELS = { tensors: 'tensors', instances: 'instances', texts: 'texts' } as const;
export const INFER_PATH = `/v2/models/${MODELS.tensors}/infer`;
export const DEADLINE_HEADER = 'x-wait-ms';
/** Of one joined call. */
export const MAX_BYTES = 65_536;
/** Of one request. */
export const MAX_ROWS = 3;

const PATHS = [INFER_PATH, `/v1/models/${MODELS.instances}:predict`, '/v1/embeddings'];
const LENGTH = 'inference-header-content-length';
/** Different requests of each kind, so that a mix-up shows. */
const OWNERS = 12;
/** Most of what is sent has a share of its own of this; what is seldom has less for all. */
const SHARE = 20;

const many = (make: (owner: number) => SoakRequest): SoakRequest[] =>
  Array.from({ length: OWNERS }, (_, i) => make(i + 1));
const asking = (owner: number) => ({ rows: 1 + (owner % MAX_ROWS), model: MODELS.texts });
const poisoned = { poisoned: true, model: MODELS.texts };

export const BATCHED_REQUESTS: readonly SoakRequest[] = [
  ...many((owner) => request(`tensors ${owner}`, inferMessage(owner, asking(owner)))),
  ...many((owner) => request(`binary ${owner}`, binaryMessage(owner, asking(owner)))),
  ...many((owner) =>
    request(`binary to JSON ${owner}`, binaryMessage(owner, asking(owner), false)),
  ),
  ...many((owner) => request(`instances ${owner}`, instancesMessage(owner, asking(owner)))),
  ...many((owner) => request(`texts ${owner}`, embeddingsMessage(owner, asking(owner)))),
  request('poison', inferMessage(1, poisoned)),
  request('binary poison', binaryMessage(1, poisoned)),
  request('poison in an instance', instancesMessage(1, poisoned)),
  request('poison in a text', embeddingsMessage(1, poisoned)),
  request('4 kB of binary', binaryMessage(99, { columns: 1000 })),
  request('too large to be joined', binaryMessage(99, { columns: 20_000 }), { share: 2 }),
  request('not to be read', { ...inferMessage(1), bytes: Buffer.from('{"inputs":[') }),
  {
    ...request('little time', inferMessage(2), { headers: { [DEADLINE_HEADER]: '3' } }),
    orElse: 504,
  },
  ...many((owner) =>
    request(`of one of two callers ${owner}`, inferMessage(owner), {
      headers: { authorization: `Bearer ${owner % 2}` },
      share: 5,
    }),
  ),
  hangUp('hangs up while it is held', inferMessage(3), 1),
  hangUp('hangs up in the middle of its numbers', binaryMessage(99, { columns: 1000 }), 0.5),
];

export function rowsOf({ bytes, jsonBytes }: Message): number {
  try {
    const head = jsonBytes < 0 ? bytes : bytes.subarray(0, jsonBytes);
    const { inputs, instances, input } = JSON.parse(head.toString());
    return inputs?.[0].shape[0] ?? instances?.length ?? (Array.isArray(input) ? input.length : 1);
  } catch {
    return 0;
  }
}

interface More {
  readonly headers?: Readonly<Record<string, string>>;
  readonly share?: number;
}

function request(name: string, message: Message, more: More = {}): SoakRequest {
  const { kind, bytes, jsonBytes } = message;
  const headers = {
    'content-type': jsonBytes < 0 ? 'application/json' : 'application/octet-stream',
    ...(jsonBytes >= 0 && { [LENGTH]: String(jsonBytes) }),
    ...more.headers,
  };
  const reply = serve(message);
  return {
    name,
    share: more.share ?? SHARE,
    bytes: requestBytes('POST', PATHS[kind] ?? '', headers, bytes),
    expected: reply.status,
    answer: reply.bytes.toString('latin1'),
  };
}

/** Sends all of its head, and of its body only this part. */
function hangUp(name: string, message: Message, part: number): SoakRequest {
  const whole = request(name, message, { share: SHARE / 2 });
  const size = whole.bytes.length - Math.ceil(message.bytes.length * (1 - part));
  return { ...whole, bytes: whole.bytes.subarray(0, size), expected: null };
}
