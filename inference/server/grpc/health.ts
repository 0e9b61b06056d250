import { RequestError } from '../../protocol/errors.ts';
import { HEALTH_SERVICE, INFERENCE_SERVICE } from './definitions.ts';
import type { MessageStream } from './message-stream.ts';
import type { OpenStreams } from './open-streams.ts';
import type { PodState } from './pod-state.ts';

interface HealthRequest {
  readonly service: string;
}

interface HealthResponse {
  readonly status: 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
}

/** Empty: the server as a whole. */
const KNOWN = ['', INFERENCE_SERVICE, HEALTH_SERVICE];
/** Watchers hear of a change within this time: workers come and go without an event. */
const LOOK_EVERY_MS = 250;

/** gRPC's health checking: serving is the same as ready. */
export class Health {
  readonly #state: PodState;
  readonly #open: OpenStreams;
  /** And what each was told last. */
  readonly #watchers = new Map<MessageStream, HealthResponse['status']>();
  #timer: NodeJS.Timeout | undefined;

  /** `open` gets the streams of the watchers. */
  constructor(state: PodState, open: OpenStreams) {
    this.#state = state;
    this.#open = open;
  }

  readonly methods = {
    Check: ({ service }: HealthRequest): HealthResponse => {
      if (KNOWN.includes(service)) return { status: this.#status };
      throw new RequestError('not-found', `there is no service ${JSON.stringify(service)} here`);
    },
  };

  readonly streams = {
    Watch: (stream: MessageStream): void => {
      this.#open.add(stream);
      stream.once('data', ({ service }: HealthRequest) => this.#watch(stream, service));
      stream.once('close', () => this.#forget(stream));
    },
  };

  /** Tells every watcher how it is now. */
  tell(): void {
    const status = this.#status;
    for (const [watcher, told] of this.#watchers) {
      if (told === status) continue;
      this.#watchers.set(watcher, status);
      watcher.write({ status });
    }
  }

  get #status(): HealthResponse['status'] {
    return this.#state.ready ? 'SERVING' : 'NOT_SERVING';
  }

  #watch(stream: MessageStream, service: string): void {
    if (!KNOWN.includes(service)) {
      // As the protocol has it, the stream stays open: the service might come.
      stream.write({ status: 'SERVICE_UNKNOWN' });
      return;
    }
    const status = this.#status;
    stream.write({ status });
    this.#watchers.set(stream, status);
    this.#timer ??= setInterval(() => this.tell(), LOOK_EVERY_MS).unref();
  }

  #forget(stream: MessageStream): void {
    this.#watchers.delete(stream);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
