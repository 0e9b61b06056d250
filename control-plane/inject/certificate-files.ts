/** The webhook's certificate from files that somebody else keeps, such as cert-manager. */
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';

/** Paths of PEM files. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

export class CertificateFiles {
  readonly #paths: CertificatePaths;
  readonly #serve: (certificate: { cert: Buffer; key: Buffer }) => void;
  readonly #logger: Logger;
  #current = '';
  #timer: NodeJS.Timeout | null = null;

  /** `serve` throws where the two do not go together: the last ones stay in use. */
  constructor(
    paths: CertificatePaths,
    serve: (certificate: { cert: Buffer; key: Buffer }) => void,
    logger: Logger,
  ) {
    this.#paths = paths;
    this.#serve = serve;
    this.#logger = logger;
  }

  /** @throws {Error} where they cannot be used. */
  async start(pollMs: number): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => {
      this.#look().catch((error: NodeJS.ErrnoException) => {
        // Not the library's own words: they may quote what is in the file.
        const reason = error.code ?? 'not a certificate and its key';
        this.#logger.error({ reason }, 'certificate of the injector not taken up');
      });
    }, pollMs);
    this.#timer.unref();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const [cert, key] = await Promise.all([
      readFile(this.#paths.certificate),
      readFile(this.#paths.key),
    ]);
    const found = `${cert}${key}`;
    if (found === this.#current) return;
    this.#serve({ cert, key });
    this.#current = found;
    this.#logger.info('certificate of the injector taken up');
  }
}
