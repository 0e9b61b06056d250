import { RequestError } from '../../protocol/errors.ts';
import type { MessageStream } from './message-stream.ts';

const ENDING = 'the server is shutting down';

/** Streams that have no end of their own, such as those of watchers: without this they would outlive a drain. */
export class OpenStreams {
  readonly #streams = new Set<MessageStream>();
  #ended = false;

  add(stream: MessageStream): void {
    if (this.#ended) {
      stream.fail(new RequestError('unavailable', ENDING));
      return;
    }
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
  }

  /** Ends them as UNAVAILABLE, at which clients go elsewhere. */
  end(): void {
    this.#ended = true;
    const error = new RequestError('unavailable', ENDING);
    for (const stream of this.#streams) stream.fail(error);
  }
}
