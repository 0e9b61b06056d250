/** What a proxy sends and reads of the discovery protocol, as bytes. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../../control-plane/xds/gen/envoy/service/discovery/v3/discovery_pb.js';

export type Mode = 'delta' | 'sotw';

export const PATHS: Readonly<Record<Mode, string>> = {
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  sotw: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
};

export interface Request {
  readonly typeUrl: string;
  /** Said once a stream. */
  readonly nodeId?: string;
  readonly nonce?: string;
  /** Incremental: added by this request. */
  readonly subscribe?: Iterable<string>;
  readonly unsubscribe?: Iterable<string>;
  /** Incremental: on the first request of a type, name to version of what is there from before. */
  readonly initialVersions?: Iterable<readonly [string, string]>;
  /** State of the world: all that are wanted. */
  readonly names?: Iterable<string>;
  /** State of the world: what was taken last. */
  readonly version?: string;
}

export interface ReceivedResource {
  readonly name: string;
  /** In state of the world that of the whole response. */
  readonly version: string;
  /** The message itself, out of its `Any`. */
  readonly value: Uint8Array;
}

export interface Response {
  readonly typeUrl: string;
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: readonly string[];
}

const NODE_ID = 1;
const NODE_CLUSTER = 2;
const ANY_VALUE = 2;
const MAP_KEY = 1;
const MAP_VALUE = 2;
/** In each of the types that are asked for, the name comes first. */
const NAME = 1;

export function encodeRequest(mode: Mode, request: Request): Buffer {
  return mode === 'delta' ? encodeDelta(request) : encodeSotw(request);
}

export function decodeResponse(mode: Mode, bytes: Uint8Array): Response {
  return mode === 'delta' ? decodeDelta(bytes) : decodeSotw(bytes);
}

function encodeDelta(request: Request): Buffer {
  const field = DeltaDiscoveryRequestSchema.field;
  const writer = new BinaryWriter();
  node(writer, field.node.number, request.nodeId);
  text(writer, field.typeUrl.number, request.typeUrl);
  for (const name of request.subscribe ?? [])
    text(writer, field.resourceNamesSubscribe.number, name);
  for (const name of request.unsubscribe ?? []) {
    text(writer, field.resourceNamesUnsubscribe.number, name);
  }
  for (const [name, version] of request.initialVersions ?? []) {
    writer.tag(field.initialResourceVersions.number, WireType.LengthDelimited).fork();
    text(writer, MAP_KEY, name);
    text(writer, MAP_VALUE, version);
    writer.join();
  }
  if (request.nonce !== undefined) text(writer, field.responseNonce.number, request.nonce);
  return Buffer.from(writer.finish());
}

function encodeSotw(request: Request): Buffer {
  const field = DiscoveryRequestSchema.field;
  const writer = new BinaryWriter();
  if (request.version !== undefined) text(writer, field.versionInfo.number, request.version);
  node(writer, field.node.number, request.nodeId);
  for (const name of request.names ?? []) text(writer, field.resourceNames.number, name);
  text(writer, field.typeUrl.number, request.typeUrl);
  if (request.nonce !== undefined) text(writer, field.responseNonce.number, request.nonce);
  return Buffer.from(writer.finish());
}

function decodeDelta(bytes: Uint8Array): Response {
  const field = DeltaDiscoveryResponseSchema.field;
  const response = { typeUrl: '', version: '', nonce: '' };
  const resources: ReceivedResource[] = [];
  const removed: string[] = [];
  each(bytes, (number, reader) => {
    if (number === field.resources.number) resources.push(decodeResource(reader.bytes()));
    else if (number === field.removedResources.number) removed.push(reader.string());
    else if (number === field.typeUrl.number) response.typeUrl = reader.string();
    else if (number === field.nonce.number) response.nonce = reader.string();
    else return false;
    return true;
  });
  return { ...response, resources, removed };
}

function decodeSotw(bytes: Uint8Array): Response {
  const field = DiscoveryResponseSchema.field;
  const response = { typeUrl: '', version: '', nonce: '' };
  const values: Uint8Array[] = [];
  each(bytes, (number, reader) => {
    if (number === field.resources.number) values.push(valueOfAny(reader.bytes()));
    else if (number === field.versionInfo.number) response.version = reader.string();
    else if (number === field.typeUrl.number) response.typeUrl = reader.string();
    else if (number === field.nonce.number) response.nonce = reader.string();
    else return false;
    return true;
  });
  const { version } = response;
  const resources = values.map((value) => ({ name: nameOf(value), version, value }));
  return { ...response, resources, removed: [] };
}

function decodeResource(bytes: Uint8Array): ReceivedResource {
  const field = ResourceSchema.field;
  const found = { name: '', version: '', value: new Uint8Array() };
  each(bytes, (number, reader) => {
    if (number === field.name.number) found.name = reader.string();
    else if (number === field.version.number) found.version = reader.string();
    else if (number === field.resource.number) found.value = valueOfAny(reader.bytes());
    else return false;
    return true;
  });
  return found;
}

function valueOfAny(any: Uint8Array): Uint8Array<ArrayBuffer> {
  let value: Uint8Array = new Uint8Array();
  each(any, (number, reader) => {
    if (number !== ANY_VALUE) return false;
    value = reader.bytes();
    return true;
  });
  return value as Uint8Array<ArrayBuffer>;
}

function nameOf(value: Uint8Array): string {
  const reader = new BinaryReader(value);
  const [number] = reader.tag();
  return number === NAME ? reader.string() : '';
}

/** Calls back for each field; one that is not taken is skipped. */
function each(bytes: Uint8Array, take: (number: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (!take(number, reader)) reader.skip(wireType, number);
  }
}

function node(writer: BinaryWriter, field: number, id: string | undefined): void {
  if (id === undefined) return;
  writer.tag(field, WireType.LengthDelimited).fork();
  text(writer, NODE_ID, id);
  text(writer, NODE_CLUSTER, 'bench');
  writer.join();
}

/** Proxies say much the same: types, names, versions and nonces, which count from 1. */
const encoded = new Map<string, Uint8Array>();

function text(writer: BinaryWriter, field: number, value: string): void {
  let bytes = encoded.get(value);
  if (bytes === undefined) {
    bytes = Buffer.from(value);
    encoded.set(value, bytes);
  }
  writer.tag(field, WireType.LengthDelimited).bytes(bytes);
}
