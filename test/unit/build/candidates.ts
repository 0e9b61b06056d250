/** Good objects as the build gets them: what is not said has its default. */
import assert from 'node:assert/strict';
import type { Resource } from '../../../control-plane/api/kinds.ts';
import { parse } from '../../../control-plane/api/parse.ts';
import type { Candidate } from '../../../control-plane/build/candidate.ts';

const apiVersion = 'modelweir.dev/v1alpha1';

function candidate(raw: Record<string, unknown>): Candidate {
  const parsed = parse({ apiVersion, ...raw });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const resource: Resource = parsed.value;
  const { namespace, name, generation } = resource.metadata;
  return { object: { kind: resource.kind, namespace, name }, generation, resource, problems: [] };
}

export function backend(name: string, spec: Record<string, unknown> = {}): Candidate {
  const endpoints = [{ address: '10.0.0.1', port: 80 }];
  return candidate({
    kind: 'ModelBackend',
    metadata: { name },
    spec: { protocol: 'OpenAI', endpoints, ...spec },
  });
}

/** Of the namespace `default`. */
export function secret(name: string, stringData: Record<string, string>): Candidate {
  return candidate({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
}

export function route(
  name: string,
  models: string[],
  more: { createdAt?: string; spec?: Record<string, unknown>; namespace?: string } = {},
): Candidate {
  const created = more.createdAt === undefined ? {} : { creationTimestamp: more.createdAt };
  return candidate({
    kind: 'ModelRoute',
    metadata: { name, namespace: more.namespace ?? 'default', ...created },
    spec: {
      models: models.map((model) => ({ name: model })),
      variants: [{ name: 'v', backendRef: { name: 'b' } }],
      ...more.spec,
    },
  });
}

export function header(name: string, value: string) {
  return { name, value };
}
