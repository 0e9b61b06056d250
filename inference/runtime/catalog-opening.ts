import { ModelChoice } from '../repository/model-choice.ts';
import { RepositoryScanner } from '../repository/repository-scan.ts';
import { type CatalogObserver, type CatalogOptions, ModelCatalog } from './model-catalog.ts';

export interface RepositoryOptions extends Omit<CatalogOptions, 'explicit'> {
  /** Of the models. */
  readonly repository: string;
  /** `NAME` or `NAME:VERSION`; none: all. */
  readonly models: readonly string[];
  /** Who says later what is loaded. */
  readonly modelControl: 'none' | 'explicit' | 'poll';
  readonly repositoryPollMs: number;
}

/**
 * Loads what a repository has, and follows it from then on if it is to be polled.
 * @throws Error when there is nothing to serve, or nothing of it can be loaded.
 */
export async function openCatalog(
  options: RepositoryOptions,
  observer: CatalogObserver,
): Promise<ModelCatalog> {
  const { repository: folder, models, modelControl, repositoryPollMs: pollMs } = options;
  const explicit = modelControl === 'explicit';
  const polled = modelControl === 'poll' && pollMs > 0;
  const choice = new ModelChoice(models);
  const scanner = new RepositoryScanner({ folder, choice, settleMs: polled ? pollMs : 0 });
  const scanned = await scanner.first();
  // By request, only what is named is loaded at the start.
  const loaded = explicit && models.length === 0 ? [] : scanned;
  const catalog = await ModelCatalog.open(scanner, loaded, { ...options, explicit }, observer);
  if (explicit) catalog.know(await scanner.scan());
  if (polled) catalog.poll(pollMs);
  return catalog;
}
