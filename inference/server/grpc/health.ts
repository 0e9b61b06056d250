import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js';
import { RequestError } from '../../protocol/errors.ts';
import { HEALTH_SERVICE, INFERENCE_SERVICE } from './definitions.ts';
import type { OpenStreams } from './open-streams.ts';
import type { PodState } from './pod-state.ts';
import { unary } from './unary.ts';

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

type Watcher = ServerWritableStream<HealthRequest, HealthResponse>;

/** gRPC's health checking: serving is the same as ready. */
export class Health {
  readonly #state: PodState;
  readonly #streams: OpenStreams;
  /** And what each was told last. */
  readonly #watchers = new Map<Watcher, HealthResponse['status']>();
  #timer: NodeJS.Timeout | undefined;

  /** `streams` get those of the watchers. */
  constructor(state: PodState, streams: OpenStreams) {
    this.#state = state;
    this.#streams = streams;
  }

  readonly methods = {
    Check: unary(({ service }: HealthRequest) => {
      if (KNOWN.includes(service)) return { status: this.#status };
      throw new RequestError('not-found', `there is no service ${JSON.stringify(service)} here`);
    }),
    Watch: ((call) => this.#watch(call)) satisfies handleServerStreamingCall<
      HealthRequest,
      HealthResponse
    >,
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

  #watch(call: Watcher): void {
    this.#streams.add(call);
    if (!KNOWN.includes(call.request.service)) {
      // As the protocol has it, the stream stays open: the service might come.
      call.write({ status: 'SERVICE_UNKNOWN' });
      return;
    }
    const status = this.#status;
    call.write({ status });
    this.#watchers.set(call, status);
    this.#timer ??= setInterval(() => this.tell(), LOOK_EVERY_MS).unref();
    call.on('cancelled', () => this.#forget(call));
  }

  #forget(call: Watcher): void {
    this.#watchers.delete(call);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
