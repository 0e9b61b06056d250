/**
 * Writes the ConfigMap with what sidecars add to their bootstrap into namespaces that want it. It is never taken
 * away: a pod that names it and is started again by its node would not start without it.
 */
import type { Logger } from 'pino';
import { bootstrapConfigMap, type OverrideOptions } from '../../inject/bootstrap-override.ts';
import type { KubeApi } from '../../kube/api.ts';
import { Throttle } from '../../store/throttle.ts';
import { HASH_ANNOTATION, hashOf, MANAGED_BY_LABEL, MANAGER } from '../objects.ts';

/** Somebody may have deleted it; and what failed is tried again. */
const AGAIN_MS = 10_000;
const THROTTLE = { gatherMs: 10, burst: 5, refillMs: 1000 };

export class BootstrapMaps {
  readonly #api: KubeApi;
  readonly #options: OverrideOptions;
  readonly #logger: Logger;
  readonly #throttle: Throttle;
  #namespaces: readonly string[] = [];
  #again: NodeJS.Timeout | null = null;
  readonly #failures = new Map<string, string>();
  #isClosed = false;

  constructor(api: KubeApi, options: OverrideOptions, logger: Logger) {
    this.#api = api;
    this.#options = options;
    this.#logger = logger;
    this.#throttle = new Throttle(THROTTLE, () => void this.#write());
  }

  /** From now on these have it; none while another process leads. */
  offer(namespaces: readonly string[]): void {
    if (namespaces.join() === this.#namespaces.join()) return;
    this.#namespaces = namespaces;
    this.#throttle.request();
  }

  failures(): readonly string[] {
    return [...this.#failures.values()];
  }

  close(): void {
    this.#isClosed = true;
    this.#throttle.stop();
    if (this.#again !== null) clearTimeout(this.#again);
  }

  async #write(): Promise<void> {
    if (this.#again !== null) clearTimeout(this.#again);
    for (const namespace of this.#namespaces) {
      if (this.#isClosed) return;
      await this.#apply(namespace).then(
        () => this.#failures.delete(namespace),
        (error: Error) => this.#failed(namespace, error),
      );
    }
    if (this.#isClosed || this.#namespaces.length === 0) return;
    this.#again = setTimeout(() => this.#throttle.request(), AGAIN_MS);
  }

  #failed(namespace: string, { message }: Error): void {
    const known = this.#failures.get(namespace);
    this.#failures.set(namespace, `ConfigMap of ${namespace}: ${message}`);
    if (known === undefined) this.#logger.warn({ namespace, message }, 'bootstrap not written');
  }

  /** The server changes nothing where it is as it should be. */
  async #apply(namespace: string): Promise<void> {
    const { metadata, data, ...type } = bootstrapConfigMap(namespace, this.#options);
    const labels = { [MANAGED_BY_LABEL]: MANAGER };
    const annotations = { [HASH_ANNOTATION]: hashOf(JSON.stringify(data)) };
    await this.#api.send({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/configmaps/${metadata.name}`,
      query: { fieldManager: MANAGER, force: true },
      contentType: 'application/apply-patch+yaml',
      body: { ...type, metadata: { ...metadata, labels, annotations }, data },
    });
  }
}
