/** How a ModelBackend's endpoints are reached over TLS. The words are those of the Gateway API. */
import { object } from './fields.ts';
import { dnsSubdomain } from './names.ts';
import { looseObject } from './rules.ts';

const secretRef = object({
  name: dnsSubdomain().describe('A Secret in the same namespace.'),
});

export const backendTls = object({
  hostname: dnsSubdomain().describe(
    'What the server is asked for (SNI), and the DNS name for which its certificate must be.',
  ),
  caCertificateRef: secretRef
    .describe(
      'Whose ca.crt has the authorities that are trusted. Default: those of the machine on which Envoy runs.',
    )
    .optional(),
  clientCertificateRef: secretRef
    .describe('Whose tls.crt and tls.key are shown to the server. Default: none are.')
    .optional(),
});

/** `namespace/name` of each Secret that a ModelBackend among these names, whether it is valid or not. */
export function secretsNamedBy(objects: readonly unknown[]): Set<string> {
  const names = new Set<string>();
  for (const object of objects) {
    const { kind, metadata, spec } = looseObject(object);
    if (kind !== 'ModelBackend') continue;
    const tls = looseObject(looseObject(spec)['tls']);
    const { namespace } = looseObject(metadata);
    for (const field of ['caCertificateRef', 'clientCertificateRef']) {
      const { name } = looseObject(tls[field]);
      if (typeof name === 'string' && typeof namespace === 'string')
        names.add(`${namespace}/${name}`);
    }
  }
  return names;
}
