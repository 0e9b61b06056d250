import type { ModelCatalog } from '../../runtime/model-catalog.ts';

/** What the pod is at the moment. */
export class PodState {
  readonly #catalog: () => ModelCatalog | undefined;
  #draining = false;

  /** `catalog` is undefined while models are being loaded. */
  constructor(catalog: () => ModelCatalog | undefined) {
    this.#catalog = catalog;
  }

  get catalog(): ModelCatalog | undefined {
    return this.#catalog();
  }

  get ready(): boolean {
    return !this.#draining && this.#catalog()?.ready === true;
  }

  drain(): void {
    this.#draining = true;
  }
}
