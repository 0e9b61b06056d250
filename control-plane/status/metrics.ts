/** The control plane's own metrics, in a registry of their own. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { ChangeMetrics } from '../telemetry/change-metrics.ts';
import { TYPE_URLS } from '../xds/snapshot.ts';
import type { ReportedProxy } from './report.ts';

const PREFIX = 'modelweir_control_plane_';
/** Views that have a label of their own; proxies of others are counted under an empty one. */
const MAX_LABELLED_VIEWS = 100;

export class Metrics {
  readonly registry = new Registry();
  /** From a change's arrival to its publication: the target is below 100 ms. */
  readonly rebuildSeconds = new Histogram({
    name: `${PREFIX}rebuild_seconds`,
    help: 'Time from an event of the source to its publication',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [this.registry],
  });
  readonly published = new Counter({
    name: `${PREFIX}snapshots_published_total`,
    help: 'States that were made available to proxies',
    registers: [this.registry],
  });
  readonly unpublished = new Counter({
    name: `${PREFIX}snapshots_refused_total`,
    help: 'States that were not published because they contradict themselves',
    registers: [this.registry],
  });
  private readonly pushes = new Counter({
    name: `${PREFIX}pushes_total`,
    help: 'Responses sent to proxies, by resource type',
    labelNames: ['type'] as const,
    registers: [this.registry],
  });
  private readonly bytes = new Counter({
    name: `${PREFIX}pushed_bytes_total`,
    help: 'Bytes of these responses, by resource type',
    labelNames: ['type'] as const,
    registers: [this.registry],
  });
  private readonly nacks = new Counter({
    name: `${PREFIX}nacks_total`,
    help: 'Refusals by proxies, by resource type',
    labelNames: ['type'] as const,
    registers: [this.registry],
  });
  private readonly connected = new Gauge({
    name: `${PREFIX}connected_proxies`,
    help: 'Proxies with an open stream',
    registers: [this.registry],
  });
  private readonly viewProxies = new Gauge({
    name: `${PREFIX}view_proxies`,
    help: 'Proxies with an open stream, by their view of the mesh',
    labelNames: ['view'] as const,
    registers: [this.registry],
  });
  private readonly unsent = new Gauge({
    name: `${PREFIX}unsent_bytes`,
    help: 'Bytes that wait for proxies to read them',
    registers: [this.registry],
  });
  readonly problems = new Gauge({
    name: `${PREFIX}problems`,
    help: 'Problems of the configuration as it is now',
    registers: [this.registry],
  });
  /** Follows changes until they are acknowledged. */
  readonly changes = new ChangeMetrics(this.registry, PREFIX);

  constructor() {
    // Of the process itself: CPU, memory, event loop, garbage collection.
    collectDefaultMetrics({ register: this.registry });
    // From the start, so that the first refusal is a step up from 0 and not a new series.
    for (const typeUrl of Object.values(TYPE_URLS)) {
      this.pushes.inc({ type: shortType(typeUrl) }, 0);
      this.bytes.inc({ type: shortType(typeUrl) }, 0);
      this.nacks.inc({ type: shortType(typeUrl) }, 0);
    }
  }

  /** A response was handed to a connection. */
  sent(typeUrl: string, bytes: number): void {
    const type = shortType(typeUrl);
    this.pushes.inc({ type });
    this.bytes.inc({ type }, bytes);
  }

  /** A proxy refused a response. */
  refused(typeUrl: string): void {
    this.nacks.inc({ type: shortType(typeUrl) });
  }

  /** Takes who is connected now. */
  observe(proxies: readonly ReportedProxy[]): void {
    this.connected.set(proxies.length);
    this.observeViews(proxies);
  }

  private observeViews(proxies: readonly ReportedProxy[]): void {
    const counts = new Map<string, number>();
    let unsentBytes = 0;
    for (const proxy of proxies) {
      const isLabelled = counts.has(proxy.view) || counts.size < MAX_LABELLED_VIEWS;
      const label = isLabelled ? proxy.view : '';
      counts.set(label, (counts.get(label) ?? 0) + 1);
      unsentBytes += proxy.unsentBytes;
    }
    this.unsent.set(unsentBytes);
    this.viewProxies.reset();
    for (const [view, count] of counts) this.viewProxies.set({ view }, count);
  }
}

function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
