/** The host calls of proxy-wasm ABI 0.2.1 that our filters import, each as strict as Envoy or stricter. */
import assert from 'node:assert/strict';
import type { WasmHost } from './wasm-host.ts';
import { decodePairs, encodePairs, type HeaderPairs } from './wasm-memory.ts';
import { metricCalls } from './wasm-metrics.ts';
import type { Side } from './wasm-stream.ts';

const OK = 0;
const NOT_FOUND = 1;
const BAD_ARGUMENT = 2;
const CAS_MISMATCH = 8;
const NO_GRPC_STATUS = -1;
const RESPONSE_TRAILERS = 3;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'];

type Call = (...args: never[]) => number;

export function hostCalls(host: WasmHost): Record<string, Call> {
  return {
    ...bufferCalls(host),
    ...headerCalls(host),
    ...propertyCalls(host),
    ...streamCalls(host),
    ...rootCalls(host),
    ...sharedDataCalls(host),
    ...metricCalls(host),
  };
}

function bufferCalls(host: WasmHost): Record<string, Call> {
  const bufferOf = (type: number): Buffer => {
    if (type === 0) return requestBody(host);
    if (type === 1) return present(host.effectiveStream().response.body, 'response body');
    if (type === 4) return present(host.answer?.body ?? null, 'call-out body');
    if (type === 7) return Buffer.from(host.configuration);
    throw new Error(`buffer ${type} is none that this phase has`);
  };
  return {
    proxy_get_buffer_bytes: (type = 0, start = 0, length = 0, outData = 0, outSize = 0) => {
      const buffer = bufferOf(type);
      if (start > buffer.length) return BAD_ARGUMENT;
      host.memory.give(buffer.subarray(start, start + length), outData, outSize);
      return OK;
    },
    proxy_set_buffer_bytes: (type = 0, start = 0, length = 0, data = 0, size = 0) => {
      const stream = host.effectiveStream();
      const side = type === 0 ? stream.request : stream.response;
      const buffer = bufferOf(type);
      const whole = start === 0 && (length === 0 || length >= buffer.length);
      assert.ok(whole || start >= buffer.length, 'Envoy cannot replace a part of a body');
      const bytes = host.memory.read(data, size);
      side.body = Buffer.concat([
        buffer.subarray(0, start),
        bytes,
        buffer.subarray(Math.min(buffer.length, start + length)),
      ]);
      host.record(`replace ${sideName(type)} body ${start}+${length} by ${bytes.toString('utf8')}`);
      return OK;
    },
  };
}

function headerCalls(host: WasmHost): Record<string, Call> {
  const pairsOf = (map: number): HeaderPairs => {
    if (map === 0) return present(host.effectiveStream().request.headers, 'request headers');
    if (map === 2) return present(host.effectiveStream().response.headers, 'response headers');
    if (map === RESPONSE_TRAILERS)
      return present(host.effectiveStream().response.trailers, 'response trailers');
    if (map === 7) return present(host.answer?.trailers ?? null, 'call-out trailers');
    if (map === 6) return present(host.answer?.headers ?? null, 'call-out headers');
    throw new Error(`header map ${map} is none that this phase has`);
  };
  const sideOf = (map: number): Side => {
    const stream = host.effectiveStream();
    const side = map === 0 ? stream.request : stream.response;
    assert.ok(!side.headersReleased, `${sideName(map)} headers changed after they had left`);
    return side;
  };
  return {
    proxy_get_header_map_pairs: (map = 0, outData = 0, outSize = 0) => {
      host.memory.give(encodePairs(pairsOf(map)), outData, outSize);
      return OK;
    },
    proxy_get_header_map_value: (map = 0, key = 0, size = 0, outData = 0, outSize = 0) => {
      const name = host.memory.text(key, size);
      const pair = pairsOf(map).find(([existing]) => existing === name);
      if (!pair) return NOT_FOUND;
      host.memory.give(Buffer.from(pair[1]), outData, outSize);
      return OK;
    },
    proxy_replace_header_map_value: (map = 0, key = 0, size = 0, value = 0, valueSize = 0) => {
      const name = host.memory.text(key, size);
      const text = host.memory.text(value, valueSize);
      assert.equal(name, name.toLowerCase(), 'header names are lower case');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the very thing that is looked for
      assert.doesNotMatch(text, /[\u0000-\u001f\u007f]/, `control character in header ${name}`);
      const others = pairsOf(map).filter(([existing]) => existing !== name);
      if (map === RESPONSE_TRAILERS) {
        host.effectiveStream().response.trailers = [...others, [name, text]];
        host.record(`set response trailer ${name}=${text}`);
        return OK;
      }
      sideOf(map).headers = [...others, [name, text]];
      host.record(`set ${sideName(map)} ${name}=${text}`);
      return OK;
    },
    proxy_remove_header_map_value: (map = 0, key = 0, size = 0) => {
      const name = host.memory.text(key, size);
      const side = sideOf(map);
      side.headers = pairsOf(map).filter(([existing]) => existing !== name);
      host.record(`remove ${sideName(map)} ${name}`);
      return OK;
    },
  };
}

/** What filters set themselves, and what Envoy says of roots and streams. */
function propertyCalls(host: WasmHost): Record<string, Call> {
  const property = (name: string): Buffer | undefined => {
    if (name === 'plugin_root_id') return Buffer.from(host.rootIdOf(host.effective));
    const { properties, attributes } = host.effectiveStream();
    const attribute = attributes.get(name);
    return attribute === undefined ? properties.get(name) : Buffer.from(attribute);
  };
  return {
    proxy_get_property: (path = 0, pathSize = 0, outData = 0, outSize = 0) => {
      const value = property(host.memory.text(path, pathSize));
      if (value === undefined) return NOT_FOUND;
      host.memory.give(value, outData, outSize);
      return OK;
    },
    proxy_set_property: (path = 0, pathSize = 0, data = 0, size = 0) => {
      const name = host.memory.text(path, pathSize);
      const value = host.memory.read(data, size);
      host.effectiveStream().properties.set(name, value);
      host.record(`property ${name}=${JSON.stringify(value.toString('utf8'))}`);
      return OK;
    },
  };
}

/** Not effects: like memory, but one that outlives the machine. */
function sharedDataCalls(host: WasmHost): Record<string, Call> {
  return {
    proxy_get_shared_data: (key = 0, keySize = 0, outData = 0, outSize = 0, outVersion = 0) => {
      const entry = host.sharedData.get(host.memory.text(key, keySize));
      if (!entry) return NOT_FOUND;
      host.memory.give(entry.value, outData, outSize);
      host.memory.writeU32(outVersion, entry.version);
      return OK;
    },
    proxy_set_shared_data: (key = 0, keySize = 0, data = 0, size = 0, version = 0) => {
      const name = host.memory.text(key, keySize);
      const before = host.sharedData.get(name)?.version ?? 0;
      if (version !== 0 && version !== before) return CAS_MISMATCH;
      host.sharedData.set(name, { value: host.memory.read(data, size), version: before + 1 });
      return OK;
    },
  };
}

function streamCalls(host: WasmHost): Record<string, Call> {
  return {
    proxy_continue_stream: (direction = 0) => {
      const stream = host.effectiveStream();
      (direction === 0 ? stream.request : stream.response).release();
      host.record(`continue ${direction === 0 ? 'request' : 'response'} ${stream.id}`);
      return OK;
    },
    proxy_send_local_response: (
      status = 0,
      details = 0,
      detailsSize = 0,
      body = 0,
      bodySize = 0,
      headers = 0,
      headersSize = 0,
      grpcStatus = NO_GRPC_STATUS,
    ) => {
      const stream = host.effectiveStream();
      assert.ok(stream.reply === null, `a second reply to stream ${stream.id}`);
      assert.doesNotMatch(host.memory.text(details, detailsSize), /\s/, 'details with spaces');
      const list = decodePairs(host.memory.read(headers, headersSize));
      const shown = list.map(([name, value]) => `${name}=${value} `);
      if (grpcStatus !== NO_GRPC_STATUS) shown.unshift(`grpc-status=${grpcStatus} `);
      const bytes = host.memory.read(body, bodySize);
      stream.reply = { status, headers: list, body: bytes };
      const text = bytes.toString('utf8');
      host.record(`reply ${stream.id} ${status} ${shown.join('')}${text}`);
      return OK;
    },
    proxy_set_effective_context: (id = 0) => {
      const live = host.isRoot(id) || host.streams.get(id)?.over === false;
      assert.ok(live, `set_effective_context(${id}) on a context that has gone would crash Envoy`);
      host.effective = id;
      return OK;
    },
    proxy_call_foreign_function: (name = 0, size = 0) => {
      const text = host.memory.text(name, size);
      assert.equal(text, 'clear_route_cache', 'unknown foreign function');
      const stream = host.effectiveStream();
      assert.ok(!stream.request.headersReleased, 'the route is chosen once the headers have left');
      host.record(`foreign ${text}`);
      return OK;
    },
  };
}

function rootCalls(host: WasmHost): Record<string, Call> {
  return {
    proxy_log: (level = 0, data = 0, size = 0) => {
      host.logs.push(`${LOG_LEVELS[level] ?? level} ${host.memory.text(data, size)}`);
      return OK;
    },
    proxy_http_call: (
      cluster = 0,
      clusterSize = 0,
      headers = 0,
      headersSize = 0,
      body = 0,
      bodySize = 0,
      _trailers = 0,
      _trailersSize = 0,
      timeoutMs = 0,
      outToken = 0,
    ) => {
      const list = decodePairs(host.memory.read(headers, headersSize));
      const sent = new Map(list);
      for (const name of [':method', ':path', ':authority']) {
        assert.ok(sent.has(name), `a call-out needs ${name}`);
      }
      const name = host.memory.text(cluster, clusterSize);
      if (host.missingClusters.has(name)) return BAD_ARGUMENT;
      const token = host.newCall();
      host.memory.writeU32(outToken, token);
      const rest = list.filter(([name]) => !name.startsWith(':')).map((pair) => pair.join('='));
      const target = `cluster=${name} ${sent.get(':method')} ${sent.get(':path')}`;
      const bytes = host.memory.read(body, bodySize);
      host.callBodies.set(token, bytes);
      const text = bytes.toString('utf8');
      host.record(`call ${token} ${target} timeout=${timeoutMs} ${rest.join(' ')} body=${text}`);
      return OK;
    },
    proxy_set_tick_period_milliseconds: (periodMs = 0) => {
      assert.ok(host.isRoot(host.effective), 'the tick belongs to a root');
      host.record(`tick ${host.effective} ${periodMs}`);
      return OK;
    },
    proxy_get_current_time_nanoseconds: (out = 0) => {
      host.memory.writeU64(out, host.clockNs);
      return OK;
    },
  };
}

/** Outside of its callback Envoy shows a body only while it is held. */
function requestBody(host: WasmHost): Buffer {
  const { request, id } = host.effectiveStream();
  assert.ok(request.held, `the body of stream ${id} has left`);
  return present(request.body, 'request body');
}

function sideName(map: number): string {
  return map === 0 ? 'request' : 'response';
}

function present<T>(value: T | null, what: string): T {
  assert.ok(value !== null, `there is no ${what} in this phase`);
  return value;
}
