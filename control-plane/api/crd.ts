/** The CustomResourceDefinition of a kind, made of its one schema. */
import { z } from 'zod';
import { GROUP } from './metadata.ts';

export interface CustomKind {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** What it is for, as `kubectl explain` says it. */
  readonly description: string;
  /** Columns of `kubectl get` beside those that every kind has. */
  readonly columns: readonly { readonly name: string; readonly jsonPath: string }[];
  readonly schema: z.ZodObject;
}

const MAX_MESSAGE_LENGTH = 32_768;

export function customResourceDefinition(kind: CustomKind): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.kind.toLowerCase(),
        shortNames: kind.shortNames,
        categories: ['modelweir'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columnsOf(kind),
          schema: { openAPIV3Schema: schemaOf(kind) },
        },
      ],
    },
  };
}

function columnsOf({ columns }: CustomKind): object[] {
  const condition = (type: string) => ({
    name: type,
    type: 'string',
    jsonPath: `.status.conditions[?(@.type=="${type}")].status`,
  });
  return [
    ...columns.map((column) => ({ ...column, type: 'string' })),
    condition('Accepted'),
    condition('Programmed'),
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ];
}

function schemaOf({ schema, description }: CustomKind): object {
  const options = { io: 'input', target: 'openapi-3.0', unrepresentable: 'any' } as const;
  const { properties } = z.toJSONSchema(schema, options) as {
    properties: Readonly<Record<string, unknown>>;
  };
  return {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: structural(properties['spec']),
      status: STATUS,
    },
  };
}

/** Unknown fields are refused by the client's field validation, and pruned where a client asks for none. */
function structural(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(structural);
  if (typeof node !== 'object' || node === null) return node;
  if ('x-kubernetes-int-or-string' in node) {
    // The one union that there may be, and bounds may not stand in it.
    return { ...node, anyOf: [{ type: 'integer' }, { type: 'string' }] };
  }
  const entries = Object.entries(node).filter(
    ([key, value]) => !(key === 'additionalProperties' && value === false),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, structural(value)]));
}

/** https://gateway-api.sigs.k8s.io/geps/gep-1364/ */
const STATUS = {
  type: 'object',
  description: 'What is true of the object. Written by the control plane.',
  properties: {
    conditions: {
      type: 'array',
      maxItems: 8,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
        properties: {
          type: { type: 'string', maxLength: 316 },
          status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
          reason: { type: 'string', maxLength: 1024 },
          message: { type: 'string', maxLength: MAX_MESSAGE_LENGTH },
          lastTransitionTime: { type: 'string', format: 'date-time' },
          observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
        },
      },
    },
  },
};
