import { RequestError } from '../protocol/errors.ts';
import type { ModelCatalog, ServedModel } from '../runtime/model-catalog.ts';
import type { Description, ModelName } from './endpoints.ts';
import { tritonConfig } from './triton-config.ts';

const EXTENSIONS = ['binary_tensor_data', 'model_repository', 'model_configuration', 'statistics'];

/** An answer to a question about the pod. */
export interface Described {
  readonly status: number;
  readonly body: object;
}

/** What the pod says of itself and of its models. */
export class PodDescription {
  readonly #version: string;
  /** Undefined while models are being loaded. */
  catalog: ModelCatalog | undefined;
  draining = false;

  /** `version` is the server's. */
  constructor(version: string) {
    this.#version = version;
  }

  get ready(): boolean {
    return !this.draining && this.catalog?.ready === true;
  }

  /** @throws RequestError when the models are being loaded. */
  get loaded(): ModelCatalog {
    if (this.catalog) return this.catalog;
    throw new RequestError('unavailable', 'the models are being loaded; try again');
  }

  /** @throws RequestError when there is no such model. */
  describe(endpoint: Description): Described {
    switch (endpoint.kind) {
      case 'server':
        return ok({ name: 'modelweir', version: this.#version, extensions: EXTENSIONS });
      case 'live':
        return ok({ live: true });
      case 'ready':
        return this.#readiness();
      case 'model-ready':
        return this.#modelReadiness(endpoint);
      case 'metadata':
        return this.#metadata(this.#find(endpoint));
      case 'config':
        return ok(tritonConfig(this.#find(endpoint)));
      case 'stats':
        return ok({ model_stats: this.#served(endpoint).map(statistics) });
      case 'all-stats':
        return ok({ model_stats: this.loaded.models.map(statistics) });
    }
  }

  /** Says which models are broken even when the pod is ready without them. */
  #readiness(): Described {
    const failed = this.catalog?.broken ?? [];
    const unavailable = failed.map(({ name, version, reason }) => ({ name, version, reason }));
    return readiness(this.ready, unavailable.length > 0 ? { unavailable } : {});
  }

  #modelReadiness({ model, version }: ModelName): Described {
    const found = this.loaded.find(model, version);
    if (found) return readiness(!this.draining && found.runner.ready, { name: model });
    const error = this.loaded.refusal(model, version);
    if (error.code === 'not-found') throw error;
    return readiness(false, { name: model, reason: error.message });
  }

  #metadata({ metadata: { name, inputs, outputs } }: ServedModel): Described {
    const versions = this.loaded.versions(name);
    return ok({ name, versions, platform: 'onnx_onnxv1', inputs, outputs });
  }

  /** Without a version, all of the model's. */
  #served(endpoint: ModelName): readonly ServedModel[] {
    const model = this.#find(endpoint);
    if (endpoint.version !== undefined) return [model];
    return this.loaded.models.filter(({ metadata }) => metadata.name === endpoint.model);
  }

  #find({ model, version }: ModelName): ServedModel {
    const found = this.loaded.find(model, version);
    if (found) return found;
    throw this.loaded.refusal(model, version);
  }
}

function statistics({ metadata, statistics: counts }: ServedModel): object {
  return counts.report(metadata.name, metadata.version);
}

function ok(body: object): Described {
  return { status: 200, body };
}

/** 503 when not ready: what Kubernetes' probes and Envoy's health checks understand. */
function readiness(ready: boolean, more: object): Described {
  return { status: ready ? 200 : 503, body: { ...more, ready } };
}
