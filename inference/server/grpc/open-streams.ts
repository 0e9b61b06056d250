import type { EventEmitter } from 'node:events';
import { RequestError } from '../../protocol/errors.ts';
import { statusOf } from './statuses.ts';

/** Streams that have no end of their own, such as those of watchers: without this they would outlive a drain. */
export class OpenStreams {
  readonly #streams = new Set<EventEmitter>();

  add(stream: EventEmitter): void {
    this.#streams.add(stream);
    // grpc-js emits it at every end.
    stream.once('cancelled', () => this.#streams.delete(stream));
  }

  /** Ends them as UNAVAILABLE, at which clients go elsewhere. */
  end(): void {
    const error = new RequestError('unavailable', 'the server is shutting down');
    for (const stream of this.#streams) stream.emit('error', statusOf(error));
  }
}
