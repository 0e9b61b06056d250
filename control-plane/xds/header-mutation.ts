/**
 * The reserved prefix belongs to the filters alone. Envoy itself removes it from what clients send,
 * because a filter that fails cannot. What becomes of it behind the filters is in `route-classes.ts`.
 */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { RESERVED_PREFIX, SHADOW_HEADER } from '../../filters/contract/headers.ts';
import { ORIGINAL_PATH_HEADER } from './access-log.ts';
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

/** The access log believes it, and Envoy lets clients of a private address send it. */
const REMOVE_ORIGINAL_PATH: MessageInitShape<typeof MutationSchema> = {
  action: { case: 'remove', value: ORIGINAL_PATH_HEADER },
};

/** Whoever reads it takes the request for a copy, which may cost nobody anything. */
const REMOVE_SHADOW: MessageInitShape<typeof MutationSchema> = {
  action: { case: 'remove', value: SHADOW_HEADER },
};

/** For the connection manager: before any filter and before the first look at the route table. */
export function stripFromClients(): Any {
  return pack(EarlyHeaderMutationSchema, {
    mutations: [REMOVE_RESERVED, REMOVE_SHADOW, REMOVE_ORIGINAL_PATH],
  });
}

/**
 * The same for a proxy that is not ours alone: what else it does stays as it is. `added`: headers that the
 * request gets after that, for a filter that would have them from the router.
 */
export function stripReserved(added: Readonly<Record<string, string>> = {}): Any {
  return pack(EarlyHeaderMutationSchema, {
    mutations: [
      REMOVE_RESERVED,
      ...Object.entries(added).map(([key, value]): MessageInitShape<typeof MutationSchema> => {
        return { action: { case: 'append', value: { header: { key, value } } } };
      }),
    ],
  });
}

/** For a cluster: where a route leaves something for Envoy's router, it cannot take it away. */
export function stripFromRequests(): Any {
  return pack(HeaderMutationSchema, { mutations: { requestMutations: [REMOVE_RESERVED] } });
}

/** Trailers come after filters and routes have decided, and still must not carry the prefix any further. */
export function stripFromTrailers(): Any {
  return pack(HeaderMutationSchema, {
    mutations: {
      requestTrailersMutations: [REMOVE_RESERVED],
      responseTrailersMutations: [REMOVE_RESERVED],
    },
  });
}

/**
 * For answers where no route can add a header: nobody but us says what has the prefix. `noted`: response header to
 * the property of the request that it says.
 */
export function answerHeaders(noted: Readonly<Record<string, string>>): Any {
  const added = Object.entries(noted).map(
    ([key, property]): MessageInitShape<typeof MutationSchema> => {
      const header = { key, value: `%FILTER_STATE(wasm.${property}:PLAIN)%` };
      return { action: { case: 'append', value: { header } } };
    },
  );
  return pack(HeaderMutationSchema, {
    mutations: { responseMutations: [REMOVE_RESERVED, ...added] },
  });
}

/** Both of these, for a filter behind which nobody may see the prefix. */
export function stripFromRequestsAndTrailers(): Any {
  return pack(HeaderMutationSchema, {
    mutations: {
      requestMutations: [REMOVE_RESERVED],
      requestTrailersMutations: [REMOVE_RESERVED],
      responseTrailersMutations: [REMOVE_RESERVED],
    },
  });
}

/** Changes nothing. Asking for per-route settings, it makes Envoy look up the route. */
export function noMutation(): Any {
  return pack(HeaderMutationSchema, {});
}
