/** A server over TLS that answers anything with 200, and says who asked. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { PemPair } from './certificates.ts';

export interface TlsBackend {
  readonly port: number;
  /** Of each request: server name, and the DNS or URI names of the client's certificate. */
  readonly callers: string[];
  /** New connections see it, which each request makes. */
  show(pair: PemPair): void;
  stop(): Promise<void>;
}

export async function startTlsBackend(pair: PemPair, clientCa?: string): Promise<TlsBackend> {
  const callers: string[] = [];
  const contextOf = ({ certificate, key }: PemPair) => {
    return {
      cert: certificate,
      key,
      ...(clientCa === undefined ? {} : { ca: clientCa }),
    };
  };
  const server: Server = createServer(
    { ...contextOf(pair), requestCert: clientCa !== undefined },
    (request, response) => {
      const socket = request.socket as TLSSocket & { readonly servername?: string };
      const { subjectaltname = 'nobody' } = socket.getPeerCertificate();
      callers.push(`${socket.servername} ${subjectaltname}`);
      request.resume();
      request.on('end', () => response.writeHead(200, { connection: 'close' }).end('{}'));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    callers,
    show: (next) => server.setSecureContext(contextOf(next)),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A Secret of the namespace `default`. */
export function secret(name: string, texts: Readonly<Record<string, string>>) {
  const data = Object.entries(texts).map(([key, text]) => [
    key,
    Buffer.from(text).toString('base64'),
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: Object.fromEntries(data),
  };
}
