/** The mesh of the mixed soak: routes of all kinds to one backend, and weights that are edited all the time. */
import { backend, documents, route, variant, weightedVariants } from './objects.ts';

/** Public names. */
export const MODELS = {
  /** Its weights are edited. */
  chat: 'chat',
  renamed: 'renamed',
  sticky: 'sticky',
  tensors: 'tensors',
  /** Over gRPC. */
  messages: 'messages',
} as const;

/** All but the route of `chat`. */
export function meshYaml(port: number): string {
  return documents([
    backend('plain', 'OpenAI', port),
    backend('served', 'OpenAI', port, { model: { name: 'served/name:1' } }),
    backend('tensors', 'OpenInference', port, { model: { name: 'tensors-v2', version: '3' } }),
    backend('grpc', 'OpenInferenceGRPC', port, { model: { name: 'messages-v2', version: '3' } }),
    route(MODELS.renamed, [variant('only', 'served')]),
    route(MODELS.sticky, [variant('one', 'plain'), variant('two', 'served')], {
      sticky: { bodyField: 'user' },
    }),
    route(MODELS.tensors, [variant('only', 'tensors')]),
    route(MODELS.messages, [variant('only', 'grpc')]),
  ]);
}

/** The route of `chat`, all of it to the variant of this number. Its file is the one that is edited. */
export function weightsYaml(served: number): string {
  return documents([route(MODELS.chat, weightedVariants('plain', served))]);
}
