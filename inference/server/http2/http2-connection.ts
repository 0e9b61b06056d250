/**
 * Owns one connection of the HTTP/2 server: frames, windows, streams and how it ends. It knows requests as headers and
 * bytes; it must not know gRPC. Node's own HTTP/2 costs several times as much for each request, most of it garbage.
 */
import type { Socket } from 'node:net';
import {
  checkDependency,
  frameSize,
  protocol,
  unpadded,
  windowOverflow,
  withoutPriority,
} from './frame-checks.ts';
import { FrameCredit } from './frame-credit.ts';
import { FrameOutput } from './frame-output.ts';
import { FrameReader } from './frame-reader.ts';
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  Flag,
  FrameType,
  frame,
  goAwayFrame,
  MAX_WINDOW_BYTES,
  resetFrame,
  Setting,
  settingsFrame,
  windowUpdateFrame,
} from './frames.ts';
import { HeaderBlocks } from './header-blocks.ts';
import { ErrorCode, Http2Error } from './http2-error.ts';
import {
  Http2Stream,
  STREAM_WINDOW_BYTES,
  type StreamHost,
  type StreamReader,
} from './http2-stream.ts';
import { MAX_HEADER_BYTES, type RequestHead } from './request-head.ts';

/** Of all streams together; what paused ones hold is a part of it. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Streams that are over; of those that were reset here, clients may not know it yet. */
const MAX_REMEMBERED = 256;
/** For a client to answer before a connection is closed for good. */
const CLOSE_TIMEOUT_MS = 1000;
const GO_AWAY_PING = Buffer.from('modelwei');
const ALIVE_PING = Buffer.from('modelwer');

/** What it costs, and what it brings: see FrameCredit. */
const COST = { control: 1, reset: 2 };
const EARN = { request: 4, data: 3, answer: 10 };

export interface ConnectionOptions {
  /** Requests at a time. */
  readonly maxStreams: number;
  /** Takes a request; its reader hears the rest. */
  readonly accept: (stream: Http2Stream, head: RequestHead) => StreamReader;
  readonly onClose: () => void;
}

export class Http2Connection implements StreamHost {
  sendWindow = DEFAULT_WINDOW_BYTES;
  maxFrameBytes = DEFAULT_FRAME_BYTES;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #output: FrameOutput;
  readonly #reader: FrameReader;
  readonly #headers = new HeaderBlocks();
  readonly #streams = new Map<number, Http2Stream>();
  readonly #credit = new FrameCredit();
  /** The last ones that are over, and whether they were reset here. */
  readonly #over = new Map<number, boolean>();
  #lastStreamId = 0;
  #initialSendWindow = DEFAULT_WINDOW_BYTES;
  #receiveWindow = CONNECTION_WINDOW_BYTES;
  #readBytes = 0;
  #settled = false;
  /** `announced`: streams are still taken; `going`: none any more. */
  #state: 'open' | 'announced' | 'going' | 'closed' = 'open';
  #heardMs = performance.now();
  /** When the ping was sent that is not answered yet. */
  #pingedMs: number | undefined;
  #goTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setNoDelay(true);
    this.#output = new FrameOutput(socket, () => this.#onDrain());
    this.#reader = new FrameReader((...frame) => this.#onFrame(...frame));
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#onClose());
    this.send(
      settingsFrame([
        [Setting.MAX_CONCURRENT_STREAMS, options.maxStreams],
        [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
        [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_BYTES],
      ]),
    );
    this.send(windowUpdateFrame(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  get full(): boolean {
    return this.#output.full;
  }

  send(bytes: Buffer): void {
    this.#output.send(bytes);
  }

  ended(stream: Http2Stream): void {
    this.#credit.earn(EARN.answer);
    // The client need not send the rest.
    if (!stream.remoteDone) this.#sendReset(stream.id, ErrorCode.NO_ERROR);
    this.#forget(stream);
  }

  reset(stream: Http2Stream, code: ErrorCode): void {
    stream.over = true;
    this.#sendReset(stream.id, code);
    this.#forget(stream);
  }

  allow(stream: Http2Stream, bytes: number): void {
    this.send(windowUpdateFrame(stream.id, bytes));
  }

  /** Asks for a sign of life of a client that was silent for `silentMs`; closes it if none comes in `timeoutMs`. */
  check(silentMs: number, timeoutMs: number): void {
    const nowMs = performance.now();
    if (this.#pingedMs !== undefined) {
      if (nowMs - this.#pingedMs > timeoutMs) this.#socket.destroy();
      return;
    }
    // Who connects and says nothing has no streams to wait for.
    if (!this.#settled && nowMs - this.#heardMs > timeoutMs) this.#socket.destroy();
    else if (nowMs - this.#heardMs > silentMs) {
      this.#pingedMs = nowMs;
      this.send(frame(FrameType.PING, 0, 0, ALIVE_PING));
    }
  }

  /** Tells the client to go, lets it finish what it has begun, and closes. */
  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'announced';
    // Requests on their way are still taken, until the client has answered that it knows.
    this.send(goAwayFrame(MAX_WINDOW_BYTES, ErrorCode.NO_ERROR));
    this.send(frame(FrameType.PING, 0, 0, GO_AWAY_PING));
    this.#goTimer = setTimeout(() => this.#go(), CLOSE_TIMEOUT_MS).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #go(): void {
    clearTimeout(this.#goTimer);
    if (this.#state !== 'announced') return;
    this.#state = 'going';
    this.send(goAwayFrame(this.#lastStreamId, ErrorCode.NO_ERROR));
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#state === 'going' && this.#streams.size === 0) this.#end();
  }

  /** Not at once: what is unread when a socket is destroyed takes the last answer with it. */
  #end(): void {
    this.#state = 'closed';
    this.#output.flush();
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  #onData(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    this.#heardMs = performance.now();
    try {
      this.#reader.add(chunk);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.send(goAwayFrame(this.#lastStreamId, error.code));
      this.#end();
      this.#abandon();
    }
    // A client that does not read is not heard.
    if (this.#output.full) this.#socket.pause();
  }

  #onDrain(): void {
    this.#socket.resume();
    this.#pumpAll();
  }

  #onClose(): void {
    this.#state = 'closed';
    clearTimeout(this.#goTimer);
    this.#abandon();
    this.#options.onClose();
  }

  #abandon(): void {
    for (const stream of this.#streams.values()) {
      stream.over = true;
      this.#forget(stream);
    }
  }

  #forget(stream: Http2Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    if (!this.#over.has(stream.id)) this.#remember(stream.id, false);
    stream.reader?.onClose();
    this.#closeIfDone();
  }

  #sendReset(streamId: number, code: ErrorCode): void {
    this.send(resetFrame(streamId, code));
    this.#remember(streamId, true);
  }

  #remember(streamId: number, resetHere: boolean): void {
    this.#over.set(streamId, resetHere);
    if (this.#over.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#over.keys()) {
      this.#over.delete(oldest);
      break;
    }
  }

  #pumpAll(): void {
    for (const stream of this.#streams.values()) {
      if (this.sendWindow <= 0 || this.#output.full) return;
      stream.pump();
    }
  }

  #spend(amount: number): void {
    if (this.#credit.spend(amount)) return;
    throw new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, 'too many frames that carry no request');
  }

  #onFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (this.#state === 'closed') return;
    if (!this.#settled && type !== FrameType.SETTINGS) throw protocol('SETTINGS must come first');
    const continues = this.#headers.streamId;
    if (continues !== undefined && (type !== FrameType.CONTINUATION || streamId !== continues)) {
      throw protocol('a frame within a header block');
    }
    switch (type) {
      case FrameType.DATA:
        this.#onDataFrame(flags, streamId, payload);
        return;
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        this.#onHeaderFrame(type, flags, streamId, payload);
        return;
      case FrameType.SETTINGS:
        this.#onSettings(flags, streamId, payload);
        return;
      case FrameType.WINDOW_UPDATE:
        this.#onWindowUpdate(streamId, payload);
        return;
      case FrameType.RST_STREAM:
        this.#onReset(streamId, payload);
        return;
      default:
        this.#onOther(type, flags, streamId, payload);
    }
  }

  #onDataFrame(flags: number, streamId: number, payload: Buffer): void {
    if (streamId === 0 || streamId > this.#lastStreamId) throw protocol('DATA for no stream');
    const data = unpadded(flags, payload);
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < 0) throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'too much');
    this.#giveBack(payload.length);
    const end = (flags & Flag.END_STREAM) !== 0;
    if (payload.length === 0 && !end) this.#spend(COST.control);
    const stream = this.#streams.get(streamId);
    if (!stream || stream.remoteDone) {
      if (stream) this.reset(stream, ErrorCode.STREAM_CLOSED);
      else this.#refuseClosed(streamId);
      return;
    }
    if (stream.receiveWindow < payload.length) {
      this.reset(stream, ErrorCode.FLOW_CONTROL_ERROR);
      return;
    }
    stream.remoteDone = end;
    stream.receive(data, payload.length);
    if (stream.over) return;
    if (stream.contradicts(end)) this.reset(stream, ErrorCode.PROTOCOL_ERROR);
    else if (end) this.#requestEnd(stream);
  }

  #requestEnd(stream: Http2Stream): void {
    this.#credit.earn(EARN.request);
    stream.remoteDone = true;
    stream.reader?.onEnd();
  }

  #onHeaderFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FrameType.HEADERS) {
      if (streamId % 2 === 0) throw protocol('HEADERS for no stream of a client');
      const stream = this.#streams.get(streamId);
      const fragment = withoutPriority(flags, unpadded(flags, payload), streamId);
      this.#headers.begin(
        streamId,
        fragment,
        (flags & Flag.END_STREAM) !== 0,
        stream !== undefined,
      );
    } else this.#headers.add(streamId, payload);
    if ((flags & Flag.END_HEADERS) === 0) {
      this.#spend(COST.control);
      return;
    }
    const { head, end } = this.#headers.finish();
    const stream = this.#streams.get(streamId);
    if (stream) this.#onTrailers(stream, head, end);
    else if (streamId <= this.#lastStreamId) this.#onLateHeaders(streamId);
    else this.#onRequest(streamId, head, end);
  }

  #onTrailers(stream: Http2Stream, head: RequestHead, end: boolean): void {
    if (stream.remoteDone) this.reset(stream, ErrorCode.STREAM_CLOSED);
    else if (!end || head.malformed || stream.contradicts(true)) {
      this.reset(stream, ErrorCode.PROTOCOL_ERROR);
    } else this.#requestEnd(stream);
  }

  #onRequest(streamId: number, head: RequestHead, end: boolean): void {
    this.#lastStreamId = streamId;
    if (this.#state === 'going' || this.#streams.size >= this.#options.maxStreams) {
      this.#spend(COST.reset);
      this.#sendReset(streamId, ErrorCode.REFUSED_STREAM);
      return;
    }
    const length = head.get('content-length');
    const announced = length === undefined ? undefined : Number(length);
    const stream = new Http2Stream(streamId, this.#initialSendWindow, this, announced);
    if (head.malformed || (end && stream.contradicts(true))) {
      this.#sendReset(streamId, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    this.#streams.set(streamId, stream);
    stream.remoteDone = end;
    stream.reader = this.#options.accept(stream, head);
    if (stream.over) stream.reader.onClose();
    else if (end) this.#requestEnd(stream);
  }

  #onLateHeaders(streamId: number): void {
    const resetHere = this.#over.get(streamId);
    if (resetHere === undefined) throw protocol('a stream that is older than the last');
    if (resetHere) this.#spend(COST.control);
    else throw new Http2Error(ErrorCode.STREAM_CLOSED, 'HEADERS for a stream that is over');
  }

  /** A client that was told is not told again with every frame. */
  #refuseClosed(streamId: number): void {
    this.#spend(COST.control);
    if (this.#over.get(streamId) !== true) this.#sendReset(streamId, ErrorCode.STREAM_CLOSED);
  }

  #onSettings(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocol('SETTINGS for a stream');
    const ack = (flags & Flag.ACK) !== 0;
    if (payload.length % 6 !== 0 || (ack && payload.length > 0)) throw frameSize('SETTINGS');
    if (ack) return;
    this.#settled = true;
    this.#spend(COST.control);
    for (let at = 0; at < payload.length; at += 6) {
      this.#onSetting(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    }
    this.send(frame(FrameType.SETTINGS, Flag.ACK, 0, Buffer.alloc(0)));
    this.#pumpAll();
  }

  #onSetting(key: number, value: number): void {
    if (key === Setting.ENABLE_PUSH && value > 1) throw protocol('ENABLE_PUSH');
    if (key === Setting.MAX_FRAME_SIZE) {
      if (value < DEFAULT_FRAME_BYTES || value >= 2 ** 24) throw protocol('MAX_FRAME_SIZE');
    }
    if (key !== Setting.INITIAL_WINDOW_SIZE) return;
    if (value > MAX_WINDOW_BYTES) throw windowOverflow();
    const change = value - this.#initialSendWindow;
    this.#initialSendWindow = value;
    for (const stream of this.#streams.values()) {
      if (!stream.widen(change)) throw windowOverflow();
    }
  }

  #onWindowUpdate(streamId: number, payload: Buffer): void {
    if (payload.length !== 4) throw frameSize('WINDOW_UPDATE');
    this.#spend(COST.control);
    const bytes = payload.readUInt32BE(0) & MAX_WINDOW_BYTES;
    if (streamId === 0) {
      if (bytes === 0) throw protocol('WINDOW_UPDATE of nothing');
      this.sendWindow += bytes;
      if (this.sendWindow > MAX_WINDOW_BYTES) throw windowOverflow();
      this.#pumpAll();
      return;
    }
    if (streamId > this.#lastStreamId) throw protocol('WINDOW_UPDATE for no stream');
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    if (bytes === 0) this.reset(stream, ErrorCode.PROTOCOL_ERROR);
    else if (!stream.widen(bytes)) this.reset(stream, ErrorCode.FLOW_CONTROL_ERROR);
    else stream.pump();
  }

  #onReset(streamId: number, payload: Buffer): void {
    if (payload.length !== 4) throw frameSize('RST_STREAM');
    if (streamId === 0 || streamId > this.#lastStreamId) throw protocol('RST_STREAM for no stream');
    this.#spend(COST.reset);
    const stream = this.#streams.get(streamId);
    if (!stream) return;
    stream.over = true;
    this.#forget(stream);
  }

  #onOther(type: number, flags: number, streamId: number, payload: Buffer): void {
    this.#spend(COST.control);
    if (type === FrameType.PING) this.#onPing(flags, streamId, payload);
    else if (type === FrameType.PUSH_PROMISE) throw protocol('PUSH_PROMISE of a client');
    else if (type === FrameType.GOAWAY && streamId !== 0) throw protocol('GOAWAY for a stream');
    else if (type === FrameType.PRIORITY) {
      if (streamId === 0) throw protocol('PRIORITY for no stream');
      if (payload.length !== 5) throw frameSize('PRIORITY');
      checkDependency(streamId, payload);
    }
  }

  #onPing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocol('PING for a stream');
    if (payload.length !== 8) throw frameSize('PING');
    if ((flags & Flag.ACK) === 0) {
      this.send(frame(FrameType.PING, Flag.ACK, 0, payload));
    } else if (payload.equals(GO_AWAY_PING)) this.#go();
    else this.#pingedMs = undefined;
  }

  #giveBack(bytes: number): void {
    this.#readBytes += bytes;
    if (this.#readBytes < CONNECTION_WINDOW_BYTES / 2) return;
    this.send(windowUpdateFrame(0, this.#readBytes));
    this.#receiveWindow += this.#readBytes;
    this.#readBytes = 0;
  }
}
