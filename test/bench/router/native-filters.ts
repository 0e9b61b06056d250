/** What else reads a model out of a body in this Envoy, each as one would set it up by its manual. */
import { fileURLToPath } from 'node:url';
import { EXTENSIONS, type PlainFilters } from './plain-envoy.ts';

const EMPTY_FILTER = fileURLToPath(
  new URL('../../../dist/test-modules/empty-filter.wasm', import.meta.url),
);
const NAMESPACE = 'bench';
const HEADER = 'x-model';
const AI_PROTOCOL_MANAGER = 'envoy.filters.http.ai_protocol_manager';

export const noFilter: PlainFilters = { filters: [] };

/** One module in the router's place that takes the same callbacks and does nothing: Wasm's own price. */
export const emptyFilter: PlainFilters = {
  filters: [
    {
      name: 'empty',
      typed_config: {
        '@type': `${EXTENSIONS}.filters.http.wasm.v3.Wasm`,
        config: {
          name: 'empty',
          root_id: 'empty',
          vm_config: {
            vm_id: 'empty',
            runtime: 'envoy.wasm.runtime.v8',
            code: { local: { filename: EMPTY_FILTER } },
          },
          failure_policy: 'FAIL_RELOAD',
          allow_on_headers_stop_iteration: true,
        },
      },
    },
  ],
};

/** Parses the whole body; the route asks for the metadata that it sets. */
export function jsonToMetadata(model: string): PlainFilters {
  const rule = {
    selectors: [{ key: 'model' }],
    on_present: { metadata_namespace: NAMESPACE, key: 'model' },
  };
  const found = {
    filter: NAMESPACE,
    path: [{ key: 'model' }],
    value: { string_match: { exact: model } },
  };
  return {
    filters: [
      {
        name: 'envoy.filters.http.json_to_metadata',
        typed_config: {
          '@type': `${EXTENSIONS}.filters.http.json_to_metadata.v3.JsonToMetadata`,
          request_rules: { rules: [rule] },
        },
      },
    ],
    match: { dynamic_metadata: [found] },
  };
}

/** Lua has no JSON here: a pattern over the whole body, as people write it. */
const MODEL_OF_BODY = `
function envoy_on_request(handle)
  local body = handle:body()
  if body == nil then return end
  local model = string.match(body:getBytes(0, body:length()), '"model"%s*:%s*"([^"]*)"')
  if model ~= nil then handle:headers():replace("${HEADER}", model) end
end
`;

export function lua(model: string): PlainFilters {
  return { filters: [luaFilter(MODEL_OF_BODY)], match: headerIs(model) };
}

/** Where Envoy's filter for AI traffic publishes the model by default. */
const MODEL_OF_METADATA = `
function envoy_on_request(handle)
  local info = handle:streamInfo():dynamicTypedMetadata("envoy.ai.request_info")
  if info ~= nil then handle:headers():replace("${HEADER}", info.model) end
end
`;

/**
 * Envoy's filter for AI traffic (alpha in 1.40), as cheap as it gets: it validates no schema and sends
 * the body on as it came. It reads only what a route declares to be a known API, and publishes the model
 * as typed metadata, which no matcher of a route reads: hence the few lines of Lua, which see no body.
 */
export function aiProtocolManager(model: string): PlainFilters {
  const requestInfo = {
    name: 'envoy.http.ai_filters.request_info',
    typed_config: { '@type': `${EXTENSIONS}.http.ai_filters.request_info.v3.RequestInfo` },
  };
  const manager = {
    name: AI_PROTOCOL_MANAGER,
    typed_config: {
      '@type': `${EXTENSIONS}.filters.http.ai_protocol_manager.v3.AiProtocolManager`,
      request_handling: { reserialize_body: 'DISABLE' },
      filters: [requestInfo],
    },
  };
  const declaration = {
    '@type': `${EXTENSIONS}.filters.http.ai_protocol_manager.v3.AiProtocolManagerPerRoute`,
    request: { llm_protocol: 'OPENAI_CHAT_COMPLETIONS' },
  };
  return {
    filters: [manager, luaFilter(MODEL_OF_METADATA)],
    match: headerIs(model),
    perRoute: { [AI_PROTOCOL_MANAGER]: declaration },
  };
}

function luaFilter(code: string): object {
  return {
    name: 'envoy.filters.http.lua',
    typed_config: {
      '@type': `${EXTENSIONS}.filters.http.lua.v3.Lua`,
      default_source_code: { inline_string: code },
    },
  };
}

function headerIs(model: string): object {
  return { headers: [{ name: HEADER, string_match: { exact: model } }] };
}
