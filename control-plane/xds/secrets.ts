/** Keys and certificates, as resources of their own: renewing one touches no cluster. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type * as ir from '../ir/mesh.ts';
import type { DataSourceSchema } from './gen/envoy/config/core/v3/base_pb.js';
import type { Secret } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { SecretSchema } from './gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';

export function secrets(mesh: ir.Mesh): Secret[] {
  return mesh.secrets.map((secret) =>
    create(SecretSchema, { name: secret.name, type: type(secret) }),
  );
}

function type(secret: ir.Secret): NonNullable<MessageInitShape<typeof SecretSchema>['type']> {
  if ('authoritiesPem' in secret) {
    return { case: 'validationContext', value: { trustedCa: inline(secret.authoritiesPem) } };
  }
  const { certificatePem, privateKeyPem } = secret;
  return {
    case: 'tlsCertificate',
    value: { certificateChain: inline(certificatePem), privateKey: inline(privateKeyPem) },
  };
}

/** As bytes Envoy hides a private key when it shows its configuration. */
function inline(text: string): MessageInitShape<typeof DataSourceSchema> {
  return { specifier: { case: 'inlineBytes', value: Buffer.from(text, 'utf8') } };
}
