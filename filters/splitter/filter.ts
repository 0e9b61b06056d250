/**
 * Carries the choice of a variant out in Envoy: reads headers, sets headers, counts. It owns no rule:
 * who gets which variant is `choice.ts`.
 */
import { Problems } from '../contract/fields.ts';
import { CLUSTER_HEADER, ROUTE_HEADER, VARIANT_HEADER } from '../contract/headers.ts';
import { decodeSplitterConfig } from '../contract/splitter-config.ts';
import { random } from '../host/clock.ts';
import { HeaderName, headerTable, REQUEST_HEADERS, RESPONSE_HEADERS } from '../host/headers.ts';
import { CounterTable } from '../host/metrics.ts';
import { CONTINUE, clearRouteCache, Root, Stream } from '../host/stream.ts';
import { bucketOf, variantOfBucket, variantOfPoint } from './choice.ts';
import { compile, RouteProgram, SplitterProgram } from './program.ts';

const ROUTE = new HeaderName(ROUTE_HEADER);
const CLUSTER = new HeaderName(CLUSTER_HEADER);
const VARIANT = new HeaderName(VARIANT_HEADER);

const requests = new CounterTable('modelweir_splitter_requests_total', 'route', 'variant');
/** Names of sticky headers, encoded once. */
const headerNames = new Map<string, HeaderName>();

function headerNameOf(name: string): HeaderName {
  if (!headerNames.has(name)) headerNames.set(name, new HeaderName(name));
  return headerNames.get(name);
}

export class SplitterRoot extends Root {
  program: SplitterProgram = new SplitterProgram();

  configure(text: string): string {
    const problems = new Problems();
    const config = decodeSplitterConfig(text, problems);
    if (config === null) return problems.text();
    this.program = compile(config);
    return '';
  }

  createStream(): Stream {
    return new SplitterStream(this);
  }
}

class SplitterStream extends Stream {
  private root: SplitterRoot;
  /** Goes into the response; empty: nothing does. */
  private shownVariant: string = '';

  constructor(root: SplitterRoot) {
    super();
    this.root = root;
  }

  requestHeaders(endOfStream: bool): i32 {
    const routes = this.root.program.routes;
    headerTable.read(REQUEST_HEADERS);
    const name = headerTable.get(ROUTE);
    if (name.length == 0 || !routes.has(name)) return CONTINUE;
    const route = routes.get(name);
    const index = this.decide(route);
    // Without a cluster Envoy answers 503: nobody is left to serve this route.
    if (index < 0) return CONTINUE;
    const variant = route.variants[index];
    CLUSTER.set(REQUEST_HEADERS, variant.cluster);
    VARIANT.set(REQUEST_HEADERS, variant.name);
    clearRouteCache();
    requests.add(route.name, variant.name);
    if (route.variantHeader) this.shownVariant = variant.name;
    return CONTINUE;
  }

  responseHeaders(endOfStream: bool): i32 {
    if (this.shownVariant.length > 0) VARIANT.set(RESPONSE_HEADERS, this.shownVariant);
    return CONTINUE;
  }

  private decide(route: RouteProgram): i32 {
    if (route.totalWeight <= 0) return -1;
    if (route.stickyHeader.length > 0) {
      const key = headerTable.get(headerNameOf(route.stickyHeader));
      if (key.length > 0) return variantOfBucket(route, bucketOf(route, key));
    }
    return variantOfPoint(route, random(route.totalWeight));
  }
}
