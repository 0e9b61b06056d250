/** The thread that writes the payload log: it may wait for the disk, or for whoever reads its pipe. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { eventLine, type Payload, type PayloadCall } from './payload-event.ts';

const STDOUT = 1;

/** To the writer: both halves of a call; undefined: there are no more. */
export type WriterMessage =
  | {
      readonly call: PayloadCall;
      readonly request: Payload;
      readonly response: Payload;
      /** What is held for it. */
      readonly bytes: number;
    }
  | undefined;

/** From the writer, one for each message. `reason`: it could not be written. */
export interface WriterReport {
  readonly bytes: number;
  readonly reason: string | undefined;
}

const port = parentPort;
if (!port) throw new Error('payload-writer.ts runs only as a worker thread');
const { path } = workerData as { readonly path: string };
let file: number | undefined;

port.on('message', (message: WriterMessage) => {
  if (!message) {
    port.close();
    return;
  }
  const report: WriterReport = { bytes: message.bytes, reason: write(message) };
  port.postMessage(report);
});

/** Why it failed; the next one tries to open the file anew. */
function write({ call, request, response }: NonNullable<WriterMessage>): string | undefined {
  const text = eventLine('request', call, request) + eventLine('response', call, response);
  try {
    file ??= path === '-' ? STDOUT : openSync(path, 'a');
    writeAll(file, Buffer.from(text));
    return undefined;
  } catch (error) {
    if (file !== undefined && file !== STDOUT) closeSync(file);
    file = undefined;
    return error instanceof Error ? error.message : String(error);
  }
}

function writeAll(target: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(target, bytes, at);
    } catch (error) {
      // A pipe that is full and does not block, as a terminal's or a supervisor's may be.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
