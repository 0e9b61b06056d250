/**
 * Keeps the webhook's certificate good. Every replica looks at the Secret and serves what is in it; the one
 * that leads makes it, goes through its steps, and tells API servers whom to trust.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { KubeError } from '../kube/api.ts';
import type { CaBundle } from './ca-bundle.ts';
import type { CertificateSecret, StoredState } from './certificate-secret.ts';
import {
  authorities,
  type CertificateState,
  type Issued,
  nextStep,
  type RotationOptions,
  stepped,
} from './rotation.ts';

export interface KeeperOptions extends RotationOptions {
  /** How often the Secret is looked at. */
  readonly pollMs: number;
}

export interface Keeping {
  readonly secret: CertificateSecret;
  readonly bundle: CaBundle;
  readonly isLeading: () => boolean;
  /** Takes a certificate into use. */
  readonly serve: (issued: Issued) => void;
  readonly logger: Logger;
}

export class Keeper {
  readonly #options: KeeperOptions;
  readonly #keeping: Keeping;
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #served = '';
  #problem = '';

  constructor(options: KeeperOptions, keeping: Keeping) {
    this.#options = options;
    this.#keeping = keeping;
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await this.#look().then(
        () => this.#failing(''),
        (error: Error) => this.#failing(error.message),
      );
      await sleep(this.#options.pollMs, undefined, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { secret, isLeading } = this.#keeping;
    const stored = await secret.read();
    const state = isLeading() ? await this.#lead(stored) : (stored?.state ?? null);
    if (state !== null) this.#serve(state);
  }

  /** The state after the step that is due, if one is. */
  async #lead(stored: StoredState | null): Promise<CertificateState | null> {
    const { secret, bundle, logger } = this.#keeping;
    const { names, validMs } = this.#options;
    const state = stored?.state ?? null;
    const isTrusted = state !== null && (await bundle.apply(authorities(state)));
    const nowMs = Date.now();
    const step = nextStep(state, isTrusted, nowMs, this.#options);
    if (step === 'wait') return state;
    const isNew = step === 'start' || step === 'announce';
    // Loaded here: only who leads makes certificates, and seldom.
    const { issue } = await import('./authority.ts');
    const issued = isNew ? await issue(names, nowMs, validMs) : null;
    const next = stepped(state, step, issued, nowMs);
    if (next === null) return state;
    try {
      await secret.write(next, stored);
    } catch (error) {
      // A leader before or after us was first: its state is read next time.
      if (error instanceof KubeError && error.status === 409) return state;
      throw error;
    }
    await bundle.apply(authorities(next));
    logger.info({ step }, 'certificate of the injector');
    return next;
  }

  #serve({ serving }: CertificateState): void {
    if (serving.certificate === this.#served) return;
    this.#served = serving.certificate;
    this.#keeping.serve(serving);
  }

  /** Each once, for as long as it lasts. */
  #failing(problem: string): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    const { logger } = this.#keeping;
    if (problem !== '') logger.error({ reason: problem }, 'certificate of the injector');
  }
}
