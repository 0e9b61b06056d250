/** A small collector: takes OTLP over HTTP and keeps the spans, decoded. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';

const PROTO = fileURLToPath(new URL('./otlp-trace.proto', import.meta.url));
const SERVER_KIND = 2;

export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** '' for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly isServer: boolean;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 unset, 1 ok, 2 error. */
  readonly statusCode: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  readonly exports: number;
  /** Settles when there are so many spans. */
  waitFor(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  let exports = 0;
  let onSpans = (): void => undefined;
  const server = createServer(async (request, response) => {
    assert.equal(request.url, '/v1/traces');
    assert.equal(request.headers['content-type'], 'application/x-protobuf');
    exports++;
    spans.push(...spansOf(await bodyOf(request)));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    onSpans();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get exports() {
      return exports;
    },
    async waitFor(count) {
      while (spans.length < count) {
        await new Promise<void>((resolve) => {
          onSpans = resolve;
        });
      }
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const bytes = await buffer(request);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>> & { readonly value: string };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WireSpan {
  readonly name: string;
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly traceState: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code: number } | null;
}

const service = loadSync(PROTO, { defaults: true, oneofs: true, longs: String })[
  'opentelemetry.proto.collector.trace.v1.TraceService'
] as ServiceDefinition;

function spansOf(bytes: Buffer): ReceivedSpan[] {
  const method = service['Export'];
  assert.ok(method);
  const { resourceSpans } = method.requestDeserialize(bytes) as unknown as Export;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => spanOf(span, attributesOf(resource.attributes))),
    ),
  );
}

function spanOf(span: WireSpan, resource: ReceivedSpan['resource']): ReceivedSpan {
  return {
    name: span.name,
    traceId: span.traceId.toString('hex'),
    spanId: span.spanId.toString('hex'),
    parentSpanId: span.parentSpanId.toString('hex'),
    traceState: span.traceState,
    isServer: span.kind === SERVER_KIND,
    startNs: BigInt(span.startTimeUnixNano),
    endNs: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    statusCode: span.status?.code ?? 0,
    resource,
  };
}

function attributesOf(list: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(
    list.map(({ key, value }) => {
      const read = value[value.value];
      return [key, value.value === 'intValue' ? Number(read) : read];
    }),
  );
}
