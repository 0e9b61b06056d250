/** A client of one stream as tests drive it: it remembers nonces, and says responses as short text. */
import { DeltaStream } from '../../../control-plane/serve/delta-stream.ts';
import type { Push } from '../../../control-plane/serve/discovery.ts';
import { SotwStream } from '../../../control-plane/serve/sotw-stream.ts';
import type { Resource, Snapshot } from '../../../control-plane/xds/snapshot.ts';
import { snapshot, TYPE_URLS } from '../../../control-plane/xds/snapshot.ts';

export type TypeName = keyof typeof TYPE_URLS;

/** `{ cluster: 'a@1 b@2' }`: resources of a type, as name and version. */
export type State = Partial<Record<TypeName, string>>;

export function stateSnapshot(state: State): Snapshot {
  const types = Object.keys(TYPE_URLS) as TypeName[];
  return snapshot(new Map(types.map((type) => [TYPE_URLS[type], resources(state[type] ?? '')])));
}

function resources(text: string): Resource[] {
  return text
    .split(' ')
    .filter((item) => item !== '')
    .map((item) => {
      const [name = '', version = ''] = item.split('@');
      return { name, version, bytes: Buffer.from(item) };
    });
}

export const NODE = { id: 'proxy', cluster: 'test', userAgent: 'test 1', metadata: {} };

/** `cluster: a@1 b@2 -c`; removed resources have a minus. */
export function describePush(push: Push): string {
  const type = Object.entries(TYPE_URLS).find(([, url]) => url === push.typeUrl)?.[0];
  const items = push.resources.map((item) => `${item.name}@${item.version}`);
  return [`${type}:`, ...items, ...push.removed.map((name) => `-${name}`)].join(' ');
}

abstract class Client<Stream extends SotwStream | DeltaStream> {
  readonly stream: Stream;
  nowMs = 0;
  protected readonly nonces = new Map<TypeName, string>();

  constructor(stream: Stream) {
    this.stream = stream;
  }

  publish(state: State): void {
    this.stream.publish(stateSnapshot(state));
  }

  /** Everything that the server sends now, without an answer from us. */
  receive(): string[] {
    const texts: string[] = [];
    for (let push = this.stream.next(this.nowMs); push; push = this.stream.next(this.nowMs)) {
      const type = Object.entries(TYPE_URLS).find(([, url]) => url === push.typeUrl)?.[0];
      this.nonces.set(type as TypeName, push.nonce);
      texts.push(describePush(push));
    }
    return texts;
  }

  /** Receives and acknowledges until the server has no more to say. */
  settle(): string[] {
    const texts: string[] = [];
    for (let batch = this.receive(); batch.length > 0; batch = this.receive()) {
      texts.push(...batch);
      for (const text of batch) this.ack(text.split(':')[0] as TypeName);
    }
    return texts;
  }

  abstract ack(type: TypeName): void;
  abstract nack(type: TypeName, message: string): void;

  status(type: TypeName) {
    const status = this.stream.statuses().find((item) => item.typeUrl === TYPE_URLS[type]);
    if (status === undefined) throw new Error(`nothing is known of ${type}`);
    return status;
  }
}

export class SotwClient extends Client<SotwStream> {
  readonly #names = new Map<TypeName, readonly string[]>();

  constructor() {
    super(new SotwStream());
  }

  /** Names all that is wanted; the nonce is the last one received, unless given. */
  subscribe(type: TypeName, names: readonly string[], nonce?: string): void {
    this.#names.set(type, names);
    this.#request(type, null, nonce);
  }

  override ack(type: TypeName, nonce?: string): void {
    this.#request(type, null, nonce);
  }

  override nack(type: TypeName, message: string, nonce?: string): void {
    this.#request(type, message, nonce);
  }

  #request(type: TypeName, error: string | null, nonce?: string): void {
    const request = {
      node: NODE,
      typeUrl: TYPE_URLS[type],
      resourceNames: this.#names.get(type) ?? [],
      nonce: nonce ?? this.nonces.get(type) ?? '',
      error,
    };
    this.stream.request(request, this.nowMs);
  }
}

export interface DeltaChange {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly initialVersions?: Readonly<Record<string, string>>;
  readonly nonce?: string;
  readonly error?: string;
}

export class DeltaClient extends Client<DeltaStream> {
  constructor() {
    super(new DeltaStream());
  }

  request(type: TypeName, change: DeltaChange = {}): void {
    const request = {
      node: NODE,
      typeUrl: TYPE_URLS[type],
      subscribe: change.subscribe ?? [],
      unsubscribe: change.unsubscribe ?? [],
      initialVersions: change.initialVersions ?? {},
      nonce: change.nonce ?? '',
      error: change.error ?? null,
    };
    this.stream.request(request, this.nowMs);
  }

  override ack(type: TypeName): void {
    this.request(type, { nonce: this.nonces.get(type) ?? '' });
  }

  override nack(type: TypeName, error: string): void {
    this.request(type, { nonce: this.nonces.get(type) ?? '', error });
  }
}
