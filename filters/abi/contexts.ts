/** What a filter implements: one root per configuration, one stream per request, one callout per call. */

/** Return values of header and body callbacks, as proxy-wasm numbers them. */
export const CONTINUE: i32 = 0;
/** Headers: hold them, but deliver the body. Body: hold what came so far. */
export const HOLD: i32 = 1;

/** One configuration of the filter. Several live at once while an update drains the old one's streams. */
export abstract class Root {
  id: i32 = 0;

  /** Takes a configuration. Returns why it is refused, or an empty string. */
  abstract configure(text: string): string;

  abstract createStream(): Stream;

  tick(): void {}

  /** The last stream of this configuration is gone. */
  ended(): void {}
}

/** One HTTP request and its response, or one upstream attempt of it. */
export abstract class Stream {
  id: i32 = 0;
  /** False once the host has said that the stream is over: its id must never be used again. */
  alive: bool = true;

  requestHeaders(endOfStream: bool): i32 {
    return CONTINUE;
  }

  requestBody(size: i32, endOfStream: bool): i32 {
    return CONTINUE;
  }

  requestTrailers(): i32 {
    return CONTINUE;
  }

  responseHeaders(endOfStream: bool): i32 {
    return CONTINUE;
  }

  responseBody(size: i32, endOfStream: bool): i32 {
    return CONTINUE;
  }

  responseTrailers(): i32 {
    return CONTINUE;
  }

  ended(): void {}
}

/** The answer to one call-out. Called once, unless its root ends first. */
export abstract class Callout {
  /** The root that made the call: its end cancels the call without a word. */
  root: i32 = 0;

  /** An answer came; its body has `bodySize` bytes. Status and body are read through the host. */
  abstract response(bodySize: i32): void;

  /** No answer: the cluster is missing, the connection broke, or the time was up. */
  abstract failure(): void;
}
