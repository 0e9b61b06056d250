/** What injection asks the API server for one pod, in a time that leaves some for the answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type KubeApi, KubeError } from '../kube/api.ts';
import type { Cluster } from './admission.ts';
import type { StringMap } from './pod.ts';

/** The API server itself waits for 5 s. */
const TIMEOUT_MS = 3000;
/** Sidecars as init containers are on by default from here on. */
const OLDEST_VERSION = 1029;
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function clusterOf(api: KubeApi): Cluster {
  let isNewEnough = false;
  return {
    hasNativeSidecars: async () => {
      // An older one may be upgraded; a newer one is not taken back.
      if (!isNewEnough)
        isNewEnough = isAtLeast(await inTime(api.send<Version>({ path: '/version' })));
      return isNewEnough;
    },
    namespace: async (name) => {
      const path = `/api/v1/namespaces/${checked(name)}`;
      const { metadata } = await inTime(api.send<{ metadata: { labels?: StringMap } }>({ path }));
      return { name, labels: metadata.labels ?? {} };
    },
    hasConfigMap: async (namespace, name) => {
      const path = `/api/v1/namespaces/${checked(namespace)}/configmaps/${name}`;
      try {
        await inTime(api.send({ path }));
        return true;
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) return false;
        throw error;
      }
    },
  };
}

interface Version {
  readonly major: string;
  /** Some providers put a plus sign behind it. */
  readonly minor: string;
}

function isAtLeast({ major, minor }: Version): boolean {
  return Number.parseInt(major, 10) * 1000 + Number.parseInt(minor, 10) >= OLDEST_VERSION;
}

/** Whoever reaches the webhook may send any name: it must not become another path. */
function checked(name: string): string {
  if (NAME.test(name)) return name;
  throw new Error('it is in no namespace');
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const end = new AbortController();
  const late = sleep(TIMEOUT_MS, undefined, { signal: end.signal }).then(() => {
    throw new Error(`the API server did not answer within ${TIMEOUT_MS} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    end.abort();
    late.catch(() => {});
  }
}
