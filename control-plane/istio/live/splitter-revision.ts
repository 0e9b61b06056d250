/**
 * The revision of the splitter's configuration: see `xds/revisions.ts`. A process that begins to lead goes on with
 * the one that is in the cluster, so that it writes nothing where nothing has changed.
 */
import type { WantedObject } from '../../kube/object-plan.ts';
import { REVISIONS, Revisions } from '../../xds/revisions.ts';
import { SPLITTER_OBJECT } from '../client-filters.ts';
import type { Translation } from './settings.ts';

export class SplitterRevision {
  readonly #revisions = new Revisions();
  #isResumed = false;

  /** @param at the translation with a revision. */
  choose(
    at: (revision: number) => Translation,
    isPresent: (object: WantedObject) => boolean,
  ): Translation {
    const first = at(0);
    const text = textOf(first);
    if (text === '') return first;
    if (!this.#isResumed) this.#resume(at, text, isPresent);
    this.#isResumed = true;
    const revision = this.#revisions.of(text);
    return revision === 0 ? first : at(revision);
  }

  #resume(
    at: (revision: number) => Translation,
    text: string,
    isPresent: (object: WantedObject) => boolean,
  ): void {
    for (let revision = 0; revision < REVISIONS; revision++) {
      if (!splitters(at(revision)).every(isPresent)) continue;
      this.#revisions.resume(text, revision);
      return;
    }
  }
}

/** Empty: there is no splitter in it. */
function textOf(translation: Translation): string {
  return splitters(translation)
    .map(({ metadata, spec }) => `${metadata.namespace} ${JSON.stringify(spec)}`)
    .join('\n');
}

function splitters({ objects }: Translation): WantedObject[] {
  return objects.filter(
    ({ kind, metadata }) => kind === 'EnvoyFilter' && metadata.name === SPLITTER_OBJECT,
  );
}
