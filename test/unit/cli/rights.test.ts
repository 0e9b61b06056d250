/** What `check` looks for is what the roles in `deploy/` give, no more and no less. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { LEASE_NAME } from '../../../control-plane/kube/adapter.ts';
import { controlPlaneRights, istioRights, type Right } from '../../../control-plane/kube/rights.ts';

interface Role {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
  readonly rules?: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const LEASE = { leaseNamespace: 'modelweir-system', leaseName: LEASE_NAME };

test('the rights of the control plane are those of deploy/rbac.yaml', () => {
  assert.deepEqual(texts(controlPlaneRights(LEASE)), given('rbac.yaml'));
});

test('the rights for Istio are those of deploy/rbac-istio.yaml', () => {
  assert.deepEqual(texts(istioRights()), given('rbac-istio.yaml'));
});

function given(file: string): string[] {
  const text = readFileSync(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8');
  const roles = parseAllDocuments(text)
    .map((document) => document.toJS() as Role)
    .filter(({ rules }) => rules !== undefined);
  return texts(
    roles.flatMap(({ metadata, rules = [] }) =>
      rules.flatMap(({ apiGroups, resources, resourceNames = [null], verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            resourceNames.flatMap((name) =>
              verbs.map((verb) => {
                return { group, resource, verb, namespace: metadata.namespace ?? null, name };
              }),
            ),
          ),
        ),
      ),
    ),
  );
}

function texts(rights: readonly Right[]): string[] {
  return rights.map((right) => JSON.stringify(right, Object.keys(right).toSorted())).toSorted();
}
