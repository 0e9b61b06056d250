/** The two requests by which objects of ours come and go. */
import { type KubeApi, KubeError } from './api.ts';
import type { CachedObject } from './object-cache.ts';
import type { WantedObject } from './object-plan.ts';
import { FIELD_MANAGER } from './ownership.ts';

/**
 * Server-side apply. What we have written before is taken back from whoever changed it. A new object is not
 * forced: if somebody made one of that name meanwhile, the server answers with a conflict.
 * @param path of the object.
 * @throws {KubeError}
 */
export async function applyObject(
  api: KubeApi,
  path: string,
  object: WantedObject,
  found: CachedObject | undefined,
): Promise<void> {
  const { metadata } = object;
  await api.send({
    method: 'PATCH',
    path,
    // A field that this version of a kind does not have is an error, and not left out without a word.
    query: {
      fieldManager: FIELD_MANAGER,
      force: found !== undefined,
      fieldValidation: 'Strict',
    },
    contentType: 'application/apply-patch+yaml',
    // Another one of the same name, made since, is not the one that we know.
    body: found === undefined ? object : { ...object, metadata: { ...metadata, uid: found.uid } },
  });
}

/** One that is gone already is as good. @throws {KubeError} */
export async function deleteObject(api: KubeApi, path: string, uid: string): Promise<void> {
  try {
    await api.send({
      method: 'DELETE',
      path,
      body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } },
    });
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
  }
}

/** Whether trying again soon cannot help: the answer is about the object, or about our rights. */
export function isRefusal(error: unknown): boolean {
  return error instanceof KubeError && [400, 403, 404, 413, 422].includes(error.status);
}
