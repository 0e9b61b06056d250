/** Requests that a pod's application makes: their connections come out of the pod's network. */
import {
  Agent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

export interface PodRequest {
  /** Where to connect to: a Service's address. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface PodAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const TIMEOUT_MS = 30_000;

export function request(relayPath: string, call: PodRequest, agent?: Agent): Promise<PodAnswer> {
  const { host, port, path, method = 'GET', headers = {}, body } = call;
  return new Promise((resolve, reject) => {
    const options: RequestOptions = { host, port, path, method, headers, timeout: TIMEOUT_MS };
    const out = httpRequest(
      { ...options, agent: agent ?? podAgent(relayPath, false) },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks),
          }),
        );
      },
    );
    out.on('timeout', () => out.destroy(new Error(`no answer from ${host}:${port}${path}`)));
    out.on('error', reject);
    out.end(body);
  });
}

/** One that keeps connections, if they shall last. */
export function podAgent(relayPath: string, keepAlive: boolean): Agent {
  const agent = new Agent({ keepAlive });
  agent.createConnection = ({ host, port }): Duplex => {
    const socket = connect(relayPath);
    socket.write(`${host}:${port}\n`);
    return socket;
  };
  return agent;
}
