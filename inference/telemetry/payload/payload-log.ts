import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { RequestError } from '../../protocol/errors.ts';
import type { InferRequest } from '../../protocol/infer-request.ts';
import type { ModelMetadata, Tensor, TensorMetadata } from '../../protocol/tensor.ts';
import type { CallWatch, InferCall, InferWatcher } from '../infer-watcher.ts';
import { PayloadCopy } from './payload-copy.ts';
import type { Payload, PayloadCall } from './payload-event.ts';
import type { WriterMessage, WriterReport } from './payload-writer.ts';
import type { Redaction } from './redaction.ts';

/** What a call is taken to need beside its values. */
const CALL_BYTES = 1024;
const WRITER_FILE = new URL('./payload-writer.ts', import.meta.url);

export interface PayloadLogOptions {
  /** Lines are appended; `-` is the standard output. */
  readonly path: string;
  /** The share of calls that is logged, from 0 to 1. */
  readonly sample: number;
  readonly redaction: Redaction;
  /** Of the values of a request, and of its answer; larger tensors are named, but left out. */
  readonly maxBytes: number;
  /** Of values that wait to be written; calls that find no room are not logged. */
  readonly maxQueueBytes: number;
}

export type PayloadOutcome = 'written' | 'dropped' | 'failed';

/** Is told of each call that was to be logged. */
export type OnPayload = (outcome: PayloadOutcome, reason?: string) => void;

/**
 * Logs requests with their answers once they are over. All that a caller may have to wait for is a copy of at most
 * `maxBytes`; the rest happens in a thread.
 */
export class PayloadLog implements InferWatcher {
  readonly #options: PayloadLogOptions;
  readonly #onPayload: OnPayload;
  readonly #writer: Worker;
  readonly #ended: Promise<void>;
  #heldBytes = 0;
  #open = true;

  constructor(options: PayloadLogOptions, onPayload: OnPayload) {
    this.#options = options;
    this.#onPayload = onPayload;
    this.#writer = new Worker(WRITER_FILE, { workerData: { path: options.path } });
    this.#writer.on('message', ({ bytes, reason }: WriterReport) => {
      this.#heldBytes -= bytes;
      if (reason === undefined) onPayload('written');
      else onPayload('failed', reason);
    });
    this.#writer.on('error', (error) => onPayload('failed', String(error)));
    this.#ended = new Promise((resolve) => {
      this.#writer.on('exit', () => {
        this.#open = false;
        resolve();
      });
    });
  }

  begin(
    model: ModelMetadata,
    request: InferRequest | undefined,
    call: InferCall,
  ): CallWatch | undefined {
    // Of a text that is no tensor here there is nothing to log.
    if (!request && call.protocol === 'openai') return undefined;
    if (Math.random() >= this.#options.sample) return undefined;
    const copy = this.copy();
    const inputs = tensorsOf('input', model.inputs, request?.inputs ?? [], copy);
    const parameters = copy.parameters(request?.parameters);
    const payload = payloadOf(copy, inputs, parameters, undefined);
    const bytes = CALL_BYTES + copy.bytes;
    if (!this.hold(bytes)) return undefined;
    return new LoggedCall(this, model, request, call, payload, bytes);
  }

  copy(): PayloadCopy {
    return new PayloadCopy(this.#options.redaction, this.#options.maxBytes);
  }

  /** Whether what went wrong may be told in words, which may quote what was sent. */
  get tellsReasons(): boolean {
    return this.#options.redaction.empty;
  }

  /** False when there is no room, which is counted. */
  hold(bytes: number): boolean {
    const fits = this.#open && this.#heldBytes + bytes <= this.#options.maxQueueBytes;
    if (fits) this.#heldBytes += bytes;
    else this.#onPayload('dropped');
    return fits;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  write(message: NonNullable<WriterMessage>): void {
    this.#writer.postMessage(message, buffersOf(message));
  }

  /** Settles when what was logged so far is written. */
  async close(): Promise<void> {
    if (this.#open) this.#writer.postMessage(undefined satisfies WriterMessage);
    await this.#ended;
  }
}

class LoggedCall implements CallWatch {
  readonly #log: PayloadLog;
  readonly #model: ModelMetadata;
  readonly #outputs: InferRequest['outputs'];
  readonly #call: PayloadCall;
  readonly #request: Payload;
  readonly #bytes: number;

  constructor(
    log: PayloadLog,
    model: ModelMetadata,
    request: InferRequest | undefined,
    call: InferCall,
    payload: Payload,
    bytes: number,
  ) {
    this.#log = log;
    this.#model = model;
    this.#outputs = request?.outputs ?? [];
    this.#request = payload;
    this.#bytes = bytes;
    this.#call = {
      correlation: randomUUID(),
      protocol: call.protocol,
      model: model.name,
      version: model.version,
      id: request?.id,
      traceparent: call.header('traceparent'),
      requestId: call.header('x-request-id'),
    };
  }

  /** Only those outputs that the client was sent. */
  answered(outputs: readonly Tensor[]): void {
    const copy = this.#log.copy();
    const sent = this.#outputs.map(({ index }) => index);
    const tensors = tensorsOf(
      'output',
      sent.map((index) => this.#model.outputs[index] as TensorMetadata),
      sent.map((index) => outputs[index] as Tensor),
      copy,
    );
    this.#end(payloadOf(copy, tensors, undefined, undefined), copy.bytes);
  }

  failed({ code, message }: RequestError): void {
    this.#fail(code, this.#log.tellsReasons ? message : undefined);
  }

  dropped(): void {
    this.#fail('cancelled', 'the client went away');
  }

  #fail(code: string, reason: string | undefined): void {
    this.#end(payloadOf(this.#log.copy(), [], undefined, { code, reason }), 0);
  }

  #end(response: Payload, addedBytes: number): void {
    if (!this.#log.hold(addedBytes)) {
      this.#log.release(this.#bytes);
      return;
    }
    const bytes = this.#bytes + addedBytes;
    this.#log.write({ call: this.#call, request: this.#request, response, bytes });
  }
}

function payloadOf(
  { omitted }: PayloadCopy,
  tensors: Payload['tensors'],
  parameters: Payload['parameters'],
  error: Payload['error'],
): Payload {
  return { timeMs: Date.now(), tensors, parameters, error, omitted };
}

function tensorsOf(
  kind: 'input' | 'output',
  declared: readonly TensorMetadata[],
  tensors: readonly Tensor[],
  copy: PayloadCopy,
): Payload['tensors'] {
  return tensors.map((tensor, i) => copy.tensor(kind, declared[i] as TensorMetadata, tensor));
}

function buffersOf({ request, response }: NonNullable<WriterMessage>): ArrayBuffer[] {
  const buffers: ArrayBuffer[] = [];
  for (const { data } of [...request.tensors, ...response.tensors]) {
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) buffers.push(data.buffer);
  }
  return buffers;
}
