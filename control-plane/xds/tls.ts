/** A cluster's transport socket, where its endpoints are reached over TLS. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import { pack } from './any.ts';
import { adsSource } from './config-source.ts';
import type { TransportSocketSchema } from './gen/envoy/config/core/v3/base_pb.js';
import type { CertificateValidationContextSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { SubjectAltNameMatcher_SanType } from './gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';
import { UpstreamTlsContextSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';

/** Undefined: plain text. `caFile`: the authorities that the proxy's machine trusts. */
export function transportSocket(
  { tls, protocol }: Pick<ir.Target, 'tls' | 'protocol'>,
  caFile: string,
): MessageInitShape<typeof TransportSocketSchema> | undefined {
  if (tls === null) return undefined;
  const { serverName, authorities, certificate } = tls;
  const context = pack(UpstreamTlsContextSchema, {
    sni: serverName,
    commonTlsContext: {
      alpnProtocols: [protocol === 'OpenInferenceGRPC' ? 'h2' : 'http/1.1'],
      tlsCertificateSdsSecretConfigs: certificate === null ? [] : [secretNamed(certificate)],
      validationContextType: {
        case: 'combinedValidationContext',
        value: {
          defaultValidationContext: validation(serverName, authorities === null ? caFile : null),
          ...(authorities === null
            ? {}
            : { validationContextSdsSecretConfig: secretNamed(authorities) }),
        },
      },
    },
  });
  return {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: context },
  };
}

function validation(
  serverName: string,
  caFile: string | null,
): MessageInitShape<typeof CertificateValidationContextSchema> {
  const matcher = { matchPattern: { case: 'exact', value: serverName } } as const;
  return {
    matchTypedSubjectAltNames: [{ sanType: SubjectAltNameMatcher_SanType.DNS, matcher }],
    ...(caFile === null ? {} : { trustedCa: { specifier: { case: 'filename', value: caFile } } }),
  };
}

function secretNamed(name: string) {
  return { name, sdsConfig: adsSource() };
}
