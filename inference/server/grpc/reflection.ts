import type { PackageDefinition } from '@grpc/proto-loader';
import type { CallListener, GrpcCall } from './grpc-call.ts';
import { GrpcMethods } from './grpc-methods.ts';
import type { MessageStream } from './message-stream.ts';
import type { OpenStreams } from './open-streams.ts';

const PATHS = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
);

/**
 * Server reflection, both versions of it. Its streams stay open as long as their clients like. Its library brings all
 * of grpc-js with it, so it is loaded when somebody asks.
 */
export function addReflection(
  methods: GrpcMethods,
  definitions: PackageDefinition,
  streams: OpenStreams,
): void {
  let loaded: Promise<GrpcMethods> | undefined;
  for (const path of PATHS) {
    methods.add(path, {
      isStream: true,
      listen: (call) => {
        loaded ??= loadReflection(definitions, streams);
        return new LaterListener(
          call,
          loaded.then((reflection) => reflection.find(path)?.listen(call)),
        );
      },
    });
  }
}

async function loadReflection(
  definitions: PackageDefinition,
  streams: OpenStreams,
): Promise<GrpcMethods> {
  const { ReflectionService } = await import('@grpc/reflection');
  const methods = new GrpcMethods();
  // All that it wants of a server is a place for its services.
  const server = {
    addService: (
      service: Parameters<GrpcMethods['addStreams']>[0],
      handlers: Readonly<Record<string, (stream: MessageStream) => void>>,
    ) => {
      const info = handlers['ServerReflectionInfo'];
      methods.addStreams(service, {
        ServerReflectionInfo: (stream) => {
          streams.add(stream);
          info?.(stream);
        },
      });
    },
  };
  type Server = Parameters<InstanceType<typeof ReflectionService>['addToServer']>[0];
  new ReflectionService(definitions).addToServer(server as unknown as Server);
  return methods;
}

/** Keeps what comes until who is to hear it is there. */
class LaterListener implements CallListener {
  #listener: CallListener | undefined;
  #kept: ((listener: CallListener) => void)[] = [];

  constructor(call: GrpcCall, listener: Promise<CallListener | undefined>) {
    call.pause();
    listener
      .then((loaded) => {
        if (!loaded) throw new Error('the library lacks a method');
        this.#listener = loaded;
        for (const tell of this.#kept) tell(loaded);
        this.#kept = [];
        call.resume();
      })
      .catch((error) => call.fail(error));
  }

  onMessage(message: Buffer): void {
    this.#tell((listener) => listener.onMessage(message));
  }

  onEnd(): void {
    this.#tell((listener) => listener.onEnd());
  }

  onClose(): void {
    this.#tell((listener) => listener.onClose());
  }

  #tell(tell: (listener: CallListener) => void): void {
    if (this.#listener) tell(this.#listener);
    else this.#kept.push(tell);
  }
}
