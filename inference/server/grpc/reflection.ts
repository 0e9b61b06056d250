import type { handleBidiStreamingCall, Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { OpenStreams } from './open-streams.ts';

type Handler = handleBidiStreamingCall<object, object>;

/** Server reflection, both versions of it. Its streams stay open as long as their clients like. */
export function addReflection(
  server: Server,
  definitions: PackageDefinition,
  streams: OpenStreams,
): void {
  new ReflectionService(definitions).addToServer({
    addService: (service, methods) => {
      const info = methods['ServerReflectionInfo'] as Handler;
      const watched: Handler = (call) => {
        streams.add(call);
        info(call);
      };
      server.addService(service, { ServerReflectionInfo: watched });
    },
  });
}
