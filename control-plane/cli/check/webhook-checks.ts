/** Our injector, as far as the API server is to call it. */
import type { KubeApi } from '../../kube/api.ts';
import { type Listed, list } from './asking.ts';
import { type Finding, note, ok, problem } from './finding.ts';

interface Webhook extends Listed {
  readonly webhooks?: readonly {
    readonly name: string;
    readonly failurePolicy?: string;
    readonly clientConfig: { readonly caBundle?: string };
  }[];
}

export async function webhookFindings(api: KubeApi): Promise<Finding[]> {
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  const all = await list<Webhook>(api, path);
  if (all === null) return [note('webhook', 'webhook configurations may not be read')];
  const hooks = all
    .flatMap(({ webhooks = [] }) => webhooks)
    .filter(({ name }) => name.endsWith('.modelweir.dev'));
  if (hooks.length === 0) {
    const fix = 'kubectl apply -f deploy/webhook.yaml, where pods are to be injected by us';
    return [note('webhook', 'none of ours: pods are injected by Istio alone, or by hand', fix)];
  }
  return hooks.map(({ name, failurePolicy, clientConfig }) => {
    if ((clientConfig.caBundle ?? '') === '') {
      const fix = 'run serve with --inject-port, or let cert-manager write it';
      return problem('webhook', `${name} has no caBundle: the API server cannot call it`, fix);
    }
    if (failurePolicy !== 'Ignore') {
      const message = `${name} has failurePolicy ${failurePolicy}: without us no pod starts there`;
      return note('webhook', message, 'set it to Ignore unless that is meant');
    }
    return ok('webhook', `${name} is there`);
  });
}
