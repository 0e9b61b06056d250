import type { ServedModel } from '../../runtime/model-catalog.ts';
import { findModel, type ModelName } from './description-methods.ts';
import type { PodState } from './pod-state.ts';

/** Triton's statistics extension. */
export function statisticsMethods(state: PodState) {
  return {
    ModelStatistics: (request: ModelName) => ({
      model_stats: chosen(state, request).map(({ metadata: { name, version }, statistics }) =>
        statistics.report(name, version),
      ),
    }),
  };
}

/** Without a name all models, without a version all of the model's. */
function chosen({ catalog }: PodState, request: ModelName): readonly ServedModel[] {
  if (request.name === '') return catalog?.models ?? [];
  const model = findModel(catalog, request);
  if (request.version !== '') return [model];
  return (catalog?.models ?? []).filter(({ metadata }) => metadata.name === request.name);
}
