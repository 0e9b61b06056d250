/** What the mesh itself answers: lists of models, and their readiness as the configuration has it. */
import { quote } from '../contract/json-writer.ts';

/** OpenAI's `GET /v1/models`. */
export function openAiModels(models: string[]): string {
  const items: string[] = [];
  for (let i = 0; i < models.length; i++) items.push(openAiModel(models[i]));
  return '{"object":"list","data":[' + items.join(',') + ']}';
}

/** OpenAI's `GET /v1/models/NAME`. Nobody here knows when a model was made. */
export function openAiModel(model: string): string {
  return '{"id":' + quote(model) + ',"object":"model","created":0,"owned_by":"modelweir"}';
}

/** `GET /v2` of the Open Inference Protocol. */
export function serverInfo(): string {
  return '{"name":"modelweir","version":"","extensions":["model_repository"]}';
}

/** `POST /v2/repository/index` of the model repository extension. */
export function repositoryIndex(models: string[]): string {
  const items: string[] = [];
  for (let i = 0; i < models.length; i++) {
    items.push('{"name":' + quote(models[i]) + ',"version":"","state":"READY","reason":""}');
  }
  return '[' + items.join(',') + ']';
}

/** `GET /v2/models/NAME` where the backend speaks another protocol: its tensors are not known. */
export function modelMetadata(model: string): string {
  return '{"name":' + quote(model) + ',"versions":[],"platform":"","inputs":[],"outputs":[]}';
}

/** `GET /v2/models/NAME/ready`. */
export function modelReady(model: string): string {
  return '{"name":' + quote(model) + ',"ready":true}';
}
