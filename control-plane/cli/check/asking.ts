/** What is asked of the API server may be forbidden to who asks, or not be there: that is an answer, too. */
import { type KubeApi, KubeError } from '../../kube/api.ts';

/** `denied`: who asks may not know. @throws {Error} for everything else that goes wrong. */
export async function ask<T>(api: KubeApi, path: string): Promise<T | 'absent' | 'denied'> {
  try {
    return await api.send<T>({ path });
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    if (error.status === 404) return 'absent';
    if (error.status === 403) return 'denied';
    throw error;
  }
}

export interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

/** Null: it cannot be known. None where the kind is absent. */
export async function list<T extends Listed>(api: KubeApi, path: string): Promise<T[] | null> {
  const answer = await ask<{ items: T[] | null }>(api, path);
  if (answer === 'denied') return null;
  return answer === 'absent' ? [] : (answer.items ?? []);
}
