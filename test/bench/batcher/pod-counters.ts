/** What a pod has done so far, from its metrics. */
import { exchange } from '../../../control-plane/cli/quickstart/exchange.ts';

export interface Runs {
  readonly requests: number;
  readonly runs: number;
  readonly rows: number;
}

/** Of the model that the pod knows under this name. */
export async function readRuns(podUrl: string, served: string): Promise<Runs> {
  const text = (await exchange({ url: `${podUrl}/metrics` })).body.toString();
  const lines = text.split('\n').filter((line) => line.includes(`model="${served}"`));
  const sum = (metric: string): number =>
    lines
      .filter((line) => line.startsWith(`${metric}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  return {
    requests: sum('modelweir_inference_requests_total'),
    runs: sum('modelweir_inference_batch_rows_count'),
    rows: sum('modelweir_inference_batch_rows_sum'),
  };
}
