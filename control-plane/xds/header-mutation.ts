/**
 * The reserved prefix belongs to the filters alone. Envoy itself removes it from what comes from
 * outside, because a filter that fails cannot.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { RESERVED_PREFIX } from '../../filters/contract/headers.ts';
import { pack } from './any.ts';
import type { HeaderMutationSchema as MutationSchema } from './gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.js';
import { HeaderMutationSchema } from './gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.js';
import { HeaderMutationSchema as EarlyHeaderMutationSchema } from './gen/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation_pb.js';

const REMOVE_RESERVED: MessageInitShape<typeof MutationSchema> = {
  action: {
    case: 'removeOnMatch',
    value: { keyMatcher: { matchPattern: { case: 'prefix', value: RESERVED_PREFIX } } },
  },
};

/** For the connection manager: before any filter and before the first look at the route table. */
export function stripFromClients(): Any {
  return pack(EarlyHeaderMutationSchema, { mutations: [REMOVE_RESERVED] });
}

/** For a cluster: neither does a backend see the prefix, nor can it answer with it. */
export function stripFromBackends(): Any {
  return pack(HeaderMutationSchema, {
    mutations: { requestMutations: [REMOVE_RESERVED], responseMutations: [REMOVE_RESERVED] },
  });
}

/** Changes nothing. Asking for per-route settings, it makes Envoy look up the route. */
export function noMutation(): Any {
  return pack(HeaderMutationSchema, {});
}
