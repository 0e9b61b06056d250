/** The control plane's own metrics, in a registry of their own. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { TYPE_URLS } from '../xds/snapshot.ts';
import type { ReportedProxy } from './report.ts';

const PREFIX = 'modelweir_control_plane_';

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
    help: 'Versions sent to proxies, by resource type',
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
  readonly problems = new Gauge({
    name: `${PREFIX}problems`,
    help: 'Problems of the configuration as it is now',
    registers: [this.registry],
  });
  private seen = new Set<string>();

  constructor() {
    // From the start, so that the first refusal is a step up from 0 and not a new series.
    for (const typeUrl of Object.values(TYPE_URLS)) {
      this.pushes.inc({ type: shortType(typeUrl) }, 0);
      this.nacks.inc({ type: shortType(typeUrl) }, 0);
    }
  }

  /** Counts what is new since the last call. */
  observe(proxies: readonly ReportedProxy[]): void {
    this.connected.set(proxies.length);
    const seen = new Set<string>();
    for (const { nodeId, connectedAt, types } of proxies) {
      for (const { typeUrl, sentVersion, nacks } of types) {
        const type = shortType(typeUrl);
        const stream = `${nodeId} ${connectedAt} ${type}`;
        const facts = nacks.map((nack) => ({
          counter: this.nacks,
          key: `${stream} nack ${nack.at} ${nack.version} ${nack.resources.join()}`,
        }));
        if (sentVersion !== null) {
          facts.push({ counter: this.pushes, key: `${stream} push ${sentVersion}` });
        }
        for (const { counter, key } of facts) {
          seen.add(key);
          if (!this.seen.has(key)) counter.inc({ type });
        }
      }
    }
    this.seen = seen;
  }
}

function shortType(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
