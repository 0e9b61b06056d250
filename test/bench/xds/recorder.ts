/** A proxy beside the others that keeps what it gets, so that another server can be fed the same. */
import type { Socket } from 'node:net';
import { XdsProxy } from './xds-proxy.ts';

const HEAD_BYTES = 5;

export class Recorder {
  readonly #proxy: XdsProxy;
  #frames: Buffer[] = [];
  #hasConnected = false;

  constructor(onEnd: (reason: string) => void) {
    this.#proxy = new XdsProxy('recorder', 'delta', {
      onMessage: (message) => {
        const head = Buffer.alloc(HEAD_BYTES);
        head.writeUInt32BE(message.length, 1);
        this.#frames.push(head, Buffer.from(message));
      },
      onTaken: () => {},
      onEnd,
    });
  }

  /** From the second time on it goes on with what it has, whatever the others do. */
  connect(socket: Socket): void {
    this.#proxy.connect(socket, this.#hasConnected);
    this.#hasConnected = true;
  }

  disconnect(): void {
    this.#proxy.disconnect();
  }

  take(): Buffer {
    const all = Buffer.concat(this.#frames);
    this.#frames = [];
    return all;
  }
}
