import { invalid, RequestError } from '../../protocol/errors.ts';
import type { ModelCatalog } from '../../runtime/model-catalog.ts';
import type { PodState } from './pod-state.ts';

interface IndexRequest {
  readonly ready: boolean;
}

interface ModelRequest {
  readonly model_name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The repository extension: which models there are, and loading and unloading them. */
export function repositoryMethods(state: PodState) {
  return {
    RepositoryIndex: ({ ready }: IndexRequest) => ({
      models: loaded(state)
        .index()
        .filter((entry) => !ready || entry.state === 'READY'),
    }),
    RepositoryModelLoad: async ({ model_name: name, parameters }: ModelRequest) => {
      // Triton takes a configuration or files here, by which anyone could run what he likes.
      const [parameter] = Object.keys(parameters);
      if (parameter !== undefined) {
        throw invalid(
          `parameter ${JSON.stringify(parameter)} of RepositoryModelLoad is not supported; change the repository instead`,
        );
      }
      await loaded(state).load(name);
      return {};
    },
    RepositoryModelUnload: async ({ model_name: name }: ModelRequest) => {
      await loaded(state).unload(name);
      return {};
    },
  };
}

function loaded({ catalog }: PodState): ModelCatalog {
  if (catalog) return catalog;
  throw new RequestError('unavailable', 'the models are being loaded; try again');
}
