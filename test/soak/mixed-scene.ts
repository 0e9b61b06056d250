/** Traffic of all kinds to routes of all kinds, none of it joined. */
import { startBenchBackend } from '../bench/backend.ts';
import { CHAT_PATH, chatBody } from '../bench/router/chat-body.ts';
import { MIXED_REQUESTS } from './mixed-requests.ts';
import { MODELS, meshYaml, weightsYaml } from './resources.ts';
import type { SoakScene } from './scene.ts';

export const mixedScene: SoakScene = {
  startBackend: startBenchBackend,
  meshYaml,
  weightsYaml,
  question: { path: CHAT_PATH, body: chatBody(MODELS.chat, 'first', 200) },
  requests: MIXED_REQUESTS,
  hasGrpc: true,
  keptBytes: () => 0,
};
