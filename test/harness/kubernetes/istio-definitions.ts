/** Istio's own custom resource definitions in a cluster of ours, and our rights to write such objects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../../control-plane/cli/quickstart/places.ts';
import { until } from '../until.ts';
import type { TestCluster } from './cluster.ts';

/** @throws {Error} where the bootstrap has not said where Istio's source is. */
export async function installIstioDefinitions(cluster: TestCluster): Promise<void> {
  const file = process.env['MODELWEIR_ISTIO_CRDS'] ?? '';
  if (file === '') throw new Error('no MODELWEIR_ISTIO_CRDS: use npm run test:kubernetes');
  await cluster.createAll(readFileSync(file, 'utf8'));
  await cluster.createAll(readFileSync(join(repositoryRoot, 'deploy/rbac-istio.yaml'), 'utf8'));
  for (const path of ['v1/virtualservices', 'v1alpha3/envoyfilters']) {
    await until(`${path} are served`, () =>
      cluster.api.send({ path: `/apis/networking.istio.io/${path}` }).then(
        () => true,
        () => false,
      ),
    );
  }
}
