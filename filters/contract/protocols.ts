/** The protocols in which clients ask for models, by the names that resources use. */
export const OPENAI: string = 'OpenAI';
/** Version 2 over HTTP. */
export const OPEN_INFERENCE: string = 'OpenInference';
export const OPEN_INFERENCE_GRPC: string = 'OpenInferenceGRPC';
/** KServe's version 1, `/v1/models/NAME:predict`. */
export const KSERVE_V1: string = 'KServeV1';
/** Anything else, with the model in a header. */
export const OTHER: string = 'Other';

export const PROTOCOLS: string[] = [OPENAI, OPEN_INFERENCE, OPEN_INFERENCE_GRPC, KSERVE_V1, OTHER];
