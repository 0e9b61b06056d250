/** What a Service is to API servers: one address, and connections to each replica in turn. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Balancer {
  readonly port: number;
  add(port: number): void;
  /** No new connections from now on; those that stand stay. */
  remove(port: number): void;
  /** Ends all connections: whoever comes back begins a new one. */
  disconnect(): void;
  stop(): Promise<void>;
}

export async function startBalancer(): Promise<Balancer> {
  let replicas: number[] = [];
  let turn = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    turn += 1;
    const port = replicas[turn % replicas.length];
    if (port === undefined) {
      socket.destroy();
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const disconnect = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    add: (port) => {
      replicas = [...replicas, port];
    },
    remove: (port) => {
      replicas = replicas.filter((one) => one !== port);
    },
    disconnect,
    stop: async () => {
      disconnect();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
