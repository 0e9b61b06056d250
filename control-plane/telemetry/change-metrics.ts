/** How long changes take until the last proxy has answered, and what becomes of them. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { type ChangeWatch, type ChangeWatcher, OUTCOMES } from './change-watcher.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 15, 60];

export class ChangeMetrics implements ChangeWatcher {
  readonly #seconds: Histogram;
  readonly #changes: Counter<'outcome'>;

  constructor(registry: Registry, prefix: string) {
    this.#seconds = new Histogram({
      name: `${prefix}change_seconds`,
      help: 'Time from an event of the source to the last answer of the proxies that were connected',
      buckets: BUCKETS,
      registers: [registry],
    });
    this.#changes = new Counter({
      name: `${prefix}changes_total`,
      help: 'Changes that are over, by what became of them',
      labelNames: ['outcome'],
      registers: [registry],
    });
    for (const outcome of OUTCOMES) this.#changes.inc({ outcome }, 0);
  }

  begin(): ChangeWatch {
    const nothing = (): void => undefined;
    return {
      step: nothing,
      answered: nothing,
      ended: ({ outcome, startMs, endMs }) => {
        this.#changes.inc({ outcome });
        // Where nobody answered, there is no last answer.
        const isAnswered = outcome === 'acknowledged' || outcome === 'refused';
        if (isAnswered) this.#seconds.observe((endMs - startMs) / 1000);
      },
    };
  }
}
