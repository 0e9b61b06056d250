/** Traffic that is joined, of all kinds that can be, while the batcher is configured anew with each edit. */
import { inferMessage } from '../../unit/batcher/model-server.ts';
import { backend, documents, route, variant, weightedVariants } from '../objects.ts';
import type { SoakScene } from '../scene.ts';
import { startModelServer } from './model-server.ts';
import { BATCHED_REQUESTS, DEADLINE_HEADER, INFER_PATH, MAX_BYTES, MODELS } from './requests.ts';

const BATCHING = {
  maxRows: 24,
  maxBytes: MAX_BYTES,
  maxDelayMs: 10,
  deadlineHeader: DEADLINE_HEADER,
};

/** Of connections and held bodies, which come and go. */
const BUFFER_BYTES = 1_000_000;
/** An edit changes the configurations of two modules in two workers, of which Envoy keeps a little. */
const BYTES_OF_UPDATE = 6_000;

export const batchedScene: SoakScene = {
  startBackend: startModelServer,
  meshYaml: (port) =>
    documents([
      backend('tensors', 'OpenInference', port),
      backend('instances', 'KServeV1', port),
      backend('texts', 'OpenAI', port),
      route(MODELS.instances, [variant('only', 'instances')], { batching: BATCHING }),
      route(MODELS.texts, [variant('only', 'texts')], { batching: BATCHING }),
    ]),
  weightsYaml: (served) =>
    documents([
      route(MODELS.tensors, weightedVariants('tensors', served), {
        batching: { ...BATCHING, maxDelayMs: BATCHING.maxDelayMs + served },
      }),
    ]),
  question: { path: INFER_PATH, body: inferMessage(1).bytes.toString() },
  requests: BATCHED_REQUESTS,
  hasGrpc: false,
  keptBytes: (updates) => BUFFER_BYTES + updates * BYTES_OF_UPDATE,
};
