/** The public names of these tests and what the one OpenAI backend calls these models. */

import { backend, route } from '../e2e/mesh/resources.ts';
import type { Backend } from '../harness/backend.ts';
import type { TestMesh } from '../harness/mesh.ts';
import { startClientMesh } from './client-mesh.ts';
import { startOpenAiBackend } from './openai-backend.ts';

/** A shorter served name, a longer one, and a public name with a slash, as on model hubs. */
const SERVED = {
  talker: 'talker-32b-instruct-4bit',
  'acme/embedder': 'emb',
  ear: 'ear-large-v3',
} as const;

export interface OpenAiMesh {
  readonly mesh: TestMesh;
  readonly backend: Backend;
  /** For the clients: `http://127.0.0.1:PORT/v1`. */
  readonly baseUrl: string;
  stop(): Promise<void>;
}

export async function startOpenAiMesh(): Promise<OpenAiMesh> {
  const upstream = await startOpenAiBackend(Object.values(SERVED));
  const yaml = Object.entries(SERVED).map(([model, served]) => {
    const name = model.replace('/', '-');
    return (
      backend(name, upstream.port, served, 'OpenAI') +
      route({ name, model, weights: { [name]: 1 } })
    );
  });
  try {
    const mesh = await startClientMesh(yaml.join(''));
    return {
      mesh,
      backend: upstream,
      baseUrl: `${mesh.url}/v1`,
      stop: async () => {
        await mesh.stop();
        await upstream.stop();
      },
    };
  } catch (error) {
    await upstream.stop();
    throw error;
  }
}
