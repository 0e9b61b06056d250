/** Events for what a person should see: a condition that turned bad, or good again after that. */
import type { Logger } from 'pino';
import type { ObjectRef } from '../ir/status.ts';
import type { KubeApi } from './api.ts';
import type { WrittenCondition } from './conditions.ts';

const CONTROLLER = 'modelweir.dev/control-plane';
const MAX_NOTE_LENGTH = 1024;
/** Waiting and not knowing are not news. */
const QUIET_REASONS: ReadonlySet<string> = new Set([
  'Pending',
  'NoProxyConnected',
  'NotInMesh',
  'NotImplemented',
]);

export class EventWriter {
  readonly #api: KubeApi;
  readonly #logger: Logger;
  readonly #instance: string;

  constructor(api: KubeApi, logger: Logger, instance = process.env['HOSTNAME'] ?? 'control-plane') {
    this.#api = api;
    this.#logger = logger;
    this.#instance = instance;
  }

  /** An event that is lost is only logged: the conditions say the same. */
  tell(
    object: ObjectRef,
    uid: string,
    before: readonly WrittenCondition[],
    after: readonly WrittenCondition[],
  ): void {
    for (const condition of after) {
      const was = before.find(({ type }) => type === condition.type);
      if (!isNews(was, condition)) continue;
      this.#create(object, uid, condition).catch((error: Error) => {
        this.#logger.warn({ object, reason: error.message }, 'event not written');
      });
    }
  }

  #create(object: ObjectRef, uid: string, condition: WrittenCondition): Promise<unknown> {
    const { kind, namespace, name } = object;
    const isGood = condition.status === 'True';
    const now = new Date().toISOString().replace('Z', '000Z');
    return this.#api.send({
      method: 'POST',
      path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { generateName: `${name.slice(0, 200)}-`, namespace },
        eventTime: now,
        type: isGood ? 'Normal' : 'Warning',
        reason: condition.reason,
        action: condition.type,
        note: condition.message.slice(0, MAX_NOTE_LENGTH),
        regarding: { apiVersion: 'modelweir.dev/v1alpha1', kind, namespace, name, uid },
        reportingController: CONTROLLER,
        reportingInstance: this.#instance.slice(0, 128),
      },
    });
  }
}

function isNews(was: WrittenCondition | undefined, is: WrittenCondition): boolean {
  if (QUIET_REASONS.has(is.reason)) return false;
  if (is.status === 'False') return was?.status !== 'False' || was.reason !== is.reason;
  // Good from the start is no news.
  return is.status === 'True' && was?.status === 'False' && !QUIET_REASONS.has(was.reason);
}
