/** Tells API servers whom to trust at the webhook: the `caBundle` of its configuration. */
import { type KubeApi, KubeError } from '../kube/api.ts';

interface Configuration {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}

export class CaBundle {
  readonly #api: KubeApi;
  readonly #path: string;

  constructor(api: KubeApi, configuration: string) {
    this.#api = api;
    this.#path = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${configuration}`;
  }

  /**
   * Whether all webhooks of the configuration have the bundle (PEM) in the end; false: there is no configuration.
   * @throws {KubeError | Error} when it cannot be read or written.
   */
  async apply(bundle: string): Promise<boolean> {
    const found = await this.#read();
    if (found === null) return false;
    const value = Buffer.from(bundle).toString('base64');
    const operations = (found.webhooks ?? []).flatMap(({ name, clientConfig }, at) => {
      if (clientConfig.caBundle === value) return [];
      const path = `/webhooks/${at}`;
      // The place may be another's by now.
      return [
        { op: 'test', path: `${path}/name`, value: name },
        { op: 'add', path: `${path}/clientConfig/caBundle`, value },
      ];
    });
    if (operations.length > 0) {
      const contentType = 'application/json-patch+json';
      await this.#api.send({ method: 'PATCH', path: this.#path, contentType, body: operations });
    }
    return true;
  }

  async #read(): Promise<Configuration | null> {
    try {
      return await this.#api.send<Configuration>({ path: this.#path });
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return null;
      throw error;
    }
  }
}
