/** The certificate's state in a Secret that all replicas read and one writes. */
import { type KubeApi, KubeError } from '../kube/api.ts';
import type { CertificateState, Issued } from './rotation.ts';

export interface StoredState {
  /** Null: what is there cannot be read as one. */
  readonly state: CertificateState | null;
  readonly resourceVersion: string;
}

interface Secret {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

const SINCE = 'modelweir.dev/since';

export class CertificateSecret {
  readonly #api: KubeApi;
  readonly #namespace: string;
  readonly #name: string;

  constructor(api: KubeApi, namespace: string, name: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#name = name;
  }

  /** Null: there is none. @throws {KubeError | Error} when it cannot be asked for. */
  async read(): Promise<StoredState | null> {
    try {
      const path = `${this.#path()}/${this.#name}`;
      const secret = await this.#api.send<Secret>({ path });
      return { state: stateOf(secret), resourceVersion: secret.metadata.resourceVersion };
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return null;
      throw error;
    }
  }

  /**
   * Takes the place of what was read.
   * @throws {KubeError} `Conflict` or `AlreadyExists` where somebody else was first.
   */
  async write(state: CertificateState, read: StoredState | null): Promise<void> {
    const body = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/tls',
      metadata: {
        name: this.#name,
        namespace: this.#namespace,
        labels: { 'app.kubernetes.io/managed-by': 'modelweir' },
        annotations: { [SINCE]: String(state.sinceMs) },
        ...(read !== null && { resourceVersion: read.resourceVersion }),
      },
      data: dataOf(state),
    };
    if (read === null) await this.#api.send({ method: 'POST', path: this.#path(), body });
    else await this.#api.send({ method: 'PUT', path: `${this.#path()}/${this.#name}`, body });
  }

  #path(): string {
    return `/api/v1/namespaces/${this.#namespace}/secrets`;
  }
}

function dataOf({ serving, next, former }: CertificateState): Record<string, string> {
  const texts = {
    ...issuedData('', serving),
    ...(next !== null && issuedData('next-', next)),
    ...(former !== null && { 'former-ca.crt': former }),
  };
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
}

function issuedData(prefix: string, { certificate, key, authority }: Issued) {
  return {
    [`${prefix}tls.crt`]: certificate,
    [`${prefix}tls.key`]: key,
    [`${prefix}ca.crt`]: authority,
  };
}

function stateOf({ metadata, data = {} }: Secret): CertificateState | null {
  const text = (key: string): string | null => {
    const value = data[key];
    return value === undefined ? null : Buffer.from(value, 'base64').toString();
  };
  const issued = (prefix: string): Issued | null => {
    const [certificate, key, authority] = ['tls.crt', 'tls.key', 'ca.crt'].map((name) =>
      text(prefix + name),
    );
    if (!certificate || !key || !authority) return null;
    return { certificate, key, authority };
  };
  const serving = issued('');
  if (serving === null) return null;
  const { annotations } = metadata as { annotations?: Readonly<Record<string, string>> };
  // Without it the state counts as old: the next step is due.
  const sinceMs = Number(annotations?.[SINCE] ?? 0) || 0;
  return { serving, next: issued('next-'), former: text('former-ca.crt'), sinceMs };
}
