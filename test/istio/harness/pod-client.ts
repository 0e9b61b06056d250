/** Requests that a pod's application makes: their connections come out of the pod's network. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
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

/** @param agent one of `podAgent`, for more than one request on a connection. */
export function request(relayPath: string, call: PodRequest, agent?: Agent): Promise<PodAnswer> {
  return send(call, agent ?? podAgent(relayPath, false));
}

/** From the node, by no sidecar. */
export function plainRequest(call: PodRequest): Promise<PodAnswer> {
  return send(call, undefined);
}

function send(call: PodRequest, agent: Agent | undefined): Promise<PodAnswer> {
  const { host, port, path, method = 'GET', headers = {}, body } = call;
  return new Promise((resolve, reject) => {
    const options = { host, port, path, method, headers, agent, timeout: TIMEOUT_MS };
    const outgoing = httpRequest(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        const { statusCode: status = 0, headers: got } = answer;
        resolve({ status, headers: got, body: Buffer.concat(chunks) });
      });
    });
    outgoing.on('timeout', () => {
      outgoing.destroy(new Error(`no answer from ${host}:${port}${path}`));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
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
