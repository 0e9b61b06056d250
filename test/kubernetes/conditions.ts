/** What the API server says of an object of ours. */
import type { WrittenCondition } from '../../control-plane/kube/conditions.ts';
import type { ObjectName, TestCluster } from '../harness/kubernetes/cluster.ts';
import { until } from '../harness/until.ts';

const TIMEOUT_MS = 30_000;

/** By type; empty where nothing was written yet. */
export async function conditions(
  cluster: TestCluster,
  ref: ObjectName,
): Promise<Readonly<Record<string, WrittenCondition>>> {
  const { status } = await cluster.get<{ status?: { conditions?: WrittenCondition[] } }>(ref);
  return Object.fromEntries((status?.conditions ?? []).map((one) => [one.type, one]));
}

/** Settles once a condition has this status and reason. */
export async function untilCondition(
  cluster: TestCluster,
  ref: ObjectName,
  type: string,
  wanted: string,
): Promise<WrittenCondition> {
  let last: WrittenCondition | undefined;
  await until(
    `${ref.kind} ${ref.metadata.name} has ${type} ${wanted}`,
    async () => {
      last = (await conditions(cluster, ref))[type];
      return `${last?.status} ${last?.reason}` === wanted;
    },
    TIMEOUT_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: it is ${JSON.stringify(last)}`);
  });
  return last as WrittenCondition;
}
