/** Bounds what comes in before it is a message: its size, the time it may take, and the bytes of all calls together. */
import { RequestError } from '../../protocol/errors.ts';
import type { HeldBytes } from './held-bytes.ts';
import { MessageProgress } from './message-progress.ts';
import { type GrpcStatus, statusOf } from './statuses.ts';

export interface ReceiveLimits {
  /** Of one message. */
  readonly maxBodyBytes: number;
  /** For a message to arrive whole; for a request that is one message, from its headers. */
  readonly receiveTimeoutMs: number;
}

export class ReceiveGuard {
  readonly #limits: ReceiveLimits;
  readonly #held: HeldBytes;
  /** In the order in which they began, and so of their deadlines; one timer for all. */
  readonly #receiving = new Set<Receiving>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: ReceiveLimits, held: HeldBytes) {
    this.#limits = limits;
    this.#held = held;
  }

  get maxMessageBytes(): number {
    return this.#limits.maxBodyBytes;
  }

  /** Follows a call, whose `fail` is called if it takes too much. `isStream`: it may have several messages. */
  begin(fail: (status: GrpcStatus) => void, isStream: boolean): Receiving {
    return new Receiving(fail, this, isStream);
  }

  /** @throws RequestError when that is more than may be held, or the message longer than one may be. */
  hold(bytes: number, messageBytes: number): void {
    const { maxBodyBytes } = this.#limits;
    if (messageBytes > maxBodyBytes) {
      throw new RequestError(
        'too-large',
        `the message has ${messageBytes} bytes, more than ${maxBodyBytes}; send fewer rows at a time, or raise --max-body-bytes`,
      );
    }
    this.#held.hold(bytes);
  }

  release(bytes: number): void {
    this.#held.release(bytes);
  }

  watch(receiving: Receiving): void {
    receiving.sinceMs = performance.now();
    this.#receiving.add(receiving);
    this.#timer ??= this.#later(this.#limits.receiveTimeoutMs);
  }

  forget(receiving: Receiving): void {
    this.#receiving.delete(receiving);
  }

  #later(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#expire(), delayMs).unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const { receiveTimeoutMs } = this.#limits;
    const now = performance.now();
    for (const receiving of this.#receiving) {
      const leftMs = receiving.sinceMs + receiveTimeoutMs - now;
      if (leftMs >= 1) {
        this.#timer = this.#later(leftMs);
        return;
      }
      receiving.fail(
        new RequestError(
          'deadline-exceeded',
          `the message did not arrive within ${receiveTimeoutMs} ms (--receive-timeout-ms)`,
        ),
      );
    }
  }
}

/** One call, and what has come of a message that is not whole yet. */
export class Receiving {
  sinceMs = 0;
  readonly #fail: (status: GrpcStatus) => void;
  readonly #guard: ReceiveGuard;
  readonly #isStream: boolean;
  readonly #progress = new MessageProgress();
  #heldBytes = 0;
  #ended = false;

  constructor(fail: (status: GrpcStatus) => void, guard: ReceiveGuard, isStream: boolean) {
    this.#fail = fail;
    this.#guard = guard;
    this.#isStream = isStream;
    if (!isStream) guard.watch(this);
  }

  onData(chunk: Buffer): void {
    if (this.#ended) return;
    const longest = this.#progress.add(chunk);
    try {
      this.#guard.hold(chunk.length, longest);
      this.#heldBytes += chunk.length;
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.#isStream) this.#followStream();
  }

  fail(cause: unknown): void {
    this.end();
    this.#fail(statusOf(cause));
  }

  /** The client has sent all, or has gone. */
  end(): void {
    this.#ended = true;
    this.#guard.forget(this);
    this.#guard.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** Whole messages are others' concern; the time of a partial one runs from its first byte. */
  #followStream(): void {
    const { partialBytes } = this.#progress;
    this.#guard.release(this.#heldBytes - partialBytes);
    const began = partialBytes > 0 && (this.sinceMs === 0 || this.#heldBytes > partialBytes);
    this.#heldBytes = partialBytes;
    if (partialBytes === 0) {
      this.#guard.forget(this);
      this.sinceMs = 0;
    } else if (began) {
      this.#guard.forget(this);
      this.#guard.watch(this);
    }
  }
}
