/**
 * The read-only HTTP side of the control plane: health, status, metrics, and pages for who looks for a
 * fault. It asks for what it says when it is asked, and holds nothing.
 */
import { type DebugSource, debugAnswer } from './debug.ts';
import type { Metrics } from './metrics.ts';
import { type Answer, jsonAnswer, ReadOnlyServer, textAnswer } from './read-only-server.ts';
import type { Report } from './report.ts';

export interface StatusSource {
  report(): Report;
  /** Why proxies cannot be served yet; null: they can. */
  notReady(): string | null;
  readonly metrics: Metrics;
  /** Not given: there are no pages under `/debug/`. */
  readonly debug?: DebugSource;
}

const PAGES = '/status, /healthz, /readyz, /metrics and /debug/';

export class StatusServer extends ReadOnlyServer {
  constructor(source: StatusSource) {
    super((url) => answer(source, url));
  }
}

async function answer(source: StatusSource, url: URL): Promise<Answer> {
  switch (url.pathname) {
    case '/healthz':
      return textAnswer(200, 'ok');
    case '/readyz': {
      const reason = source.notReady();
      return textAnswer(reason === null ? 200 : 503, reason ?? 'ok');
    }
    case '/status':
      return jsonAnswer(200, source.report());
    case '/metrics': {
      const { registry } = source.metrics;
      return { status: 200, type: registry.contentType, body: await registry.metrics() };
    }
    default: {
      const page = source.debug === undefined ? null : debugAnswer(source.debug, url);
      return page ?? textAnswer(404, `There are only ${PAGES}.`);
    }
  }
}
