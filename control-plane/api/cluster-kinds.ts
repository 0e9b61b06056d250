/**
 * Objects of Kubernetes itself that say where a backend is, and who may refer to whom: only the fields that
 * are read. They may stand in files, too, so that the same YAML means the same without a cluster.
 */
import { z } from 'zod';
import { reason } from './fields.ts';
import { DEFAULT_NAMESPACE } from './metadata.ts';

const metadata = z.looseObject({
  name: z.string({ error: reason('a name') }),
  namespace: z.string().default(DEFAULT_NAMESPACE),
  labels: z.record(z.string(), z.string()).default({}),
  generation: z.int().default(0),
});

function known<K extends string, T extends z.core.$ZodLooseShape>(kind: K, shape: T) {
  return z.looseObject({ kind: z.literal(kind), metadata, ...shape });
}

/** The API server leaves empty lists out, or writes null. */
function listOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);
}

function textMap() {
  return z
    .record(z.string(), z.string())
    .nullish()
    .transform((texts) => texts ?? {});
}

const service = known('Service', {
  spec: z.looseObject({
    type: z.string().default('ClusterIP'),
    selector: textMap(),
    ports: listOf(
      z.looseObject({
        name: z.string().nullish(),
        port: z.int(),
        targetPort: z.union([z.int(), z.string()]).nullish(),
        appProtocol: z.string().nullish(),
      }),
    ),
  }),
});

const endpoint = z.looseObject({
  addresses: z.array(z.string()).min(1),
  conditions: z
    .looseObject({
      ready: z.boolean().nullish(),
      serving: z.boolean().nullish(),
      terminating: z.boolean().nullish(),
    })
    .nullish(),
  zone: z.string().nullish(),
});

const endpointSlice = known('EndpointSlice', {
  addressType: z.string(),
  endpoints: listOf(endpoint),
  ports: listOf(z.looseObject({ name: z.string().nullish(), port: z.int().nullish() })),
});

const referenceGrant = known('ReferenceGrant', {
  spec: z.looseObject({
    from: listOf(z.looseObject({ group: z.string(), kind: z.string(), namespace: z.string() })),
    to: listOf(z.looseObject({ group: z.string(), kind: z.string(), name: z.string().nullish() })),
  }),
});

/** Only those that an object of ours names are read. `stringData` is for files. */
const secret = known('Secret', {
  data: textMap(),
  stringData: textMap(),
});

/** Its labels say whether the mesh may be extended there. It is in no namespace itself. */
const namespace = known('Namespace', {});

export type Secret = z.output<typeof secret>;
export type Namespace = z.output<typeof namespace>;
export type Service = z.output<typeof service>;
export type EndpointSlice = z.output<typeof endpointSlice>;
export type ReferenceGrant = z.output<typeof referenceGrant>;

export const CLUSTER_KINDS = [
  { kind: 'Service', schema: service, rules: [] },
  { kind: 'EndpointSlice', schema: endpointSlice, rules: [] },
  { kind: 'ReferenceGrant', schema: referenceGrant, rules: [] },
  { kind: 'Secret', schema: secret, rules: [] },
  { kind: 'Namespace', schema: namespace, rules: [] },
] as const;

/** The label of a namespace that wants us. */
export const INJECT_LABEL = 'modelweir.dev/inject';
/** The label by which a slice belongs to a Service. */
export const SERVICE_LABEL = 'kubernetes.io/service-name';
