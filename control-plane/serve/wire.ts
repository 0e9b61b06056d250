/**
 * The protocol's messages as bytes. A resource is put into its frame once and the frame is shared by
 * all streams; only the few bytes around it are written for each response.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Node as NodeMessage } from '../xds/gen/envoy/config/core/v3/base_pb.js';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../xds/gen/envoy/service/discovery/v3/discovery_pb.js';
import type { Resource } from '../xds/snapshot.ts';
import type { DeltaRequest, Node, Push, SotwRequest } from './discovery.ts';

/** Throws where the bytes are no such message. */
export function decodeSotwRequest(bytes: Uint8Array): SotwRequest {
  const message = fromBinary(DiscoveryRequestSchema, bytes);
  return {
    node: node(message.node),
    typeUrl: message.typeUrl,
    version: message.versionInfo,
    resourceNames: message.resourceNames,
    nonce: message.responseNonce,
    error: message.errorDetail?.message ?? null,
  };
}

/** Throws where the bytes are no such message. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const message = fromBinary(DeltaDiscoveryRequestSchema, bytes);
  return {
    node: node(message.node),
    typeUrl: message.typeUrl,
    subscribe: message.resourceNamesSubscribe,
    unsubscribe: message.resourceNamesUnsubscribe,
    initialVersions: message.initialResourceVersions,
    nonce: message.responseNonce,
    error: message.errorDetail?.message ?? null,
  };
}

function node(message: NodeMessage | undefined): Node | null {
  if (message === undefined) return null;
  const { id, cluster, metadata = {}, userAgentName, userAgentVersionType: agent } = message;
  const build = agent.case === 'userAgentBuildVersion' ? agent.value.version : undefined;
  const version = build
    ? `${build.majorNumber}.${build.minorNumber}.${build.patch}`
    : agent.case === 'userAgentVersion'
      ? agent.value
      : '';
  return { id, cluster, userAgent: `${userAgentName} ${version}`.trim(), metadata };
}

const SOTW = DiscoveryResponseSchema.field;
const DELTA = DeltaDiscoveryResponseSchema.field;
const RESOURCE = ResourceSchema.field;

export function encodeSotwResponse(push: Push): Buffer {
  const head = new BinaryWriter();
  text(head, SOTW.versionInfo.number, push.version);
  text(head, SOTW.typeUrl.number, push.typeUrl);
  text(head, SOTW.nonce.number, push.nonce);
  return Buffer.concat([
    head.finish(),
    ...push.resources.map((item) => frame(sotwFrames, item, push.typeUrl, sotwFrame)),
  ]);
}

export function encodeDeltaResponse(push: Push): Buffer {
  const head = new BinaryWriter();
  text(head, DELTA.systemVersionInfo.number, push.version);
  text(head, DELTA.typeUrl.number, push.typeUrl);
  text(head, DELTA.nonce.number, push.nonce);
  for (const name of push.removed) text(head, DELTA.removedResources.number, name);
  return Buffer.concat([
    head.finish(),
    ...push.resources.map((item) => frame(deltaFrames, item, push.typeUrl, deltaFrame)),
  ]);
}

type Frames = WeakMap<Resource, Uint8Array>;
const sotwFrames: Frames = new WeakMap();
const deltaFrames: Frames = new WeakMap();

function frame(
  frames: Frames,
  item: Resource,
  typeUrl: string,
  make: (item: Resource, typeUrl: string) => Uint8Array,
): Uint8Array {
  const known = frames.get(item);
  if (known !== undefined) return known;
  const made = make(item, typeUrl);
  frames.set(item, made);
  return made;
}

function sotwFrame(item: Resource, typeUrl: string): Uint8Array {
  const writer = new BinaryWriter();
  message(writer, SOTW.resources.number, any(item, typeUrl));
  return writer.finish();
}

function deltaFrame(item: Resource, typeUrl: string): Uint8Array {
  const inner = new BinaryWriter();
  text(inner, RESOURCE.name.number, item.name);
  text(inner, RESOURCE.version.number, item.version);
  message(inner, RESOURCE.resource.number, any(item, typeUrl));
  const writer = new BinaryWriter();
  message(writer, DELTA.resources.number, inner.finish());
  return writer.finish();
}

/** `google.protobuf.Any`: type URL is field 1, the value field 2. */
function any(item: Resource, typeUrl: string): Uint8Array {
  const writer = new BinaryWriter();
  text(writer, 1, typeUrl);
  message(writer, 2, item.bytes);
  return writer.finish();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, value: Uint8Array): void {
  writer.tag(field, WireType.LengthDelimited).bytes(value);
}
