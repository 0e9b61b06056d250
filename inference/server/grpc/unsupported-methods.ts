import { RequestError } from '../../protocol/errors.ts';
import { INFERENCE_SERVICE } from './definitions.ts';
import type { GrpcMethods } from './grpc-methods.ts';

/** Methods of Triton that are not here, and what to use instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  SystemSharedMemoryStatus: 'shared memory is not supported; send tensors in the request',
  SystemSharedMemoryRegister: 'shared memory is not supported; send tensors in the request',
  SystemSharedMemoryUnregister: 'shared memory is not supported; send tensors in the request',
  CudaSharedMemoryStatus: 'shared memory is not supported; send tensors in the request',
  CudaSharedMemoryRegister: 'shared memory is not supported; send tensors in the request',
  CudaSharedMemoryUnregister: 'shared memory is not supported; send tensors in the request',
  TraceSetting: "traces are set up by OpenTelemetry's environment variables",
  LogSettings: 'the log is set up by --log-level',
};

/** Without them clients would only hear that there is no such method. Reflection does not list them. */
export function addUnsupportedMethods(methods: GrpcMethods): void {
  for (const [name, text] of Object.entries(UNSUPPORTED)) {
    const error = new RequestError('method-not-allowed', `${name}: ${text}`);
    methods.addBytes(`/${INFERENCE_SERVICE}/${name}`, (_bytes, call) => call.fail(error));
  }
}
