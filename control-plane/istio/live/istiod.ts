/**
 * Questions to istiod's debug interface, all replicas of it: each knows only the proxies that are connected to
 * it. Owns addresses and credentials; must not know what the answers mean to us.
 */
import { readFile } from 'node:fs/promises';

export interface IstiodOptions {
  /** `http://10.1.2.3:15014` for each replica. */
  addresses(): Promise<readonly string[]>;
  /** File with a service account's token for the audience `istio-ca`; null: none is sent. */
  readonly tokenFile: string | null;
}

/** Istio's own `SyncStatus`, as far as it is read. Nonces; empty: nothing of this type. */
export interface SyncStatus {
  readonly proxy?: string;
  readonly proxy_type?: string;
  readonly istio_version?: string;
  readonly resources?: Readonly<
    Record<string, { readonly sent?: string; readonly acked?: string; readonly lastError?: string }>
  >;
}

/** Where a proxy is connected, with what its istiod says of it. */
export interface ConnectedProxy {
  readonly address: string;
  readonly status: SyncStatus;
}

/** istiod does not answer, or not us. */
export class IstiodError extends Error {
  readonly reason: 'IstiodUnreachable' | 'IstiodForbids';

  constructor(reason: IstiodError['reason'], message: string) {
    super(message);
    this.name = 'IstiodError';
    this.reason = reason;
  }
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export class Istiod {
  readonly #options: IstiodOptions;

  constructor(options: IstiodOptions) {
    this.#options = options;
  }

  /** Of all replicas. @throws {IstiodError} when one of them does not say. */
  async proxies(): Promise<readonly ConnectedProxy[]> {
    const addresses = await this.#options.addresses().catch((error: Error) => {
      throw new IstiodError('IstiodUnreachable', error.message);
    });
    if (addresses.length === 0) {
      throw new IstiodError('IstiodUnreachable', 'istiod has no ready endpoint');
    }
    const lists = await Promise.all(
      addresses.map(async (address) => {
        const list = (await this.#ask(address, '/debug/syncz')) as readonly SyncStatus[] | null;
        return (list ?? []).map((status) => ({ address, status }));
      }),
    );
    return lists.flat();
  }

  /** The extension configurations that a proxy is given, as JSON. Null: it is gone. @throws {IstiodError} */
  async extensionConfigs({ address, status }: ConnectedProxy): Promise<readonly unknown[] | null> {
    const query = new URLSearchParams({ proxyID: status.proxy ?? '' });
    const dump = await this.#ask(address, `/debug/ecdsz?${query}`);
    return dump === null ? null : ((dump as { configs?: readonly unknown[] }).configs ?? []);
  }

  /** Null: there is no such thing (any more). */
  async #ask(address: string, path: string): Promise<unknown> {
    const { tokenFile } = this.#options;
    let response: Response;
    try {
      const headers: Record<string, string> = {};
      // Read each time: the kubelet rotates it.
      if (tokenFile !== null) {
        headers['authorization'] = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
      }
      response = await fetch(new URL(path, address), {
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (error) {
      const { message, cause } = error as Error;
      const reason = cause instanceof Error ? cause.message : message;
      throw new IstiodError('IstiodUnreachable', `istiod at ${address} does not answer: ${reason}`);
    }
    if (response.status === 404) return null;
    if (response.status === 401 || response.status === 403) throw forbidden(address, response);
    if (!response.ok) {
      const message = `istiod at ${address} answers ${response.status} to ${path}`;
      throw new IstiodError('IstiodUnreachable', message);
    }
    return JSON.parse(await limitedText(response));
  }
}

function forbidden(address: string, { status }: Response): IstiodError {
  const fix =
    status === 401
      ? 'give a token for the audience istio-ca with --istiod-token'
      : "add the control plane's namespace to DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES of istiod";
  return new IstiodError(
    'IstiodForbids',
    `istiod at ${address} does not let us see its sync state (${status}): ${fix}`,
  );
}

async function limitedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new IstiodError('IstiodUnreachable', `more than ${MAX_ANSWER_BYTES} bytes from istiod`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
