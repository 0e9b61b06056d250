/**
 * Answers on their way back: the model gets its public name again, and what was used is counted. Pure readers
 * of pieces as they come, of which no more is kept than a name, or the few bytes before one. They know nothing
 * of the host, of routes, or of headers.
 */
import { OPEN_INFERENCE } from '../../contract/protocols.ts';
import { StringRun } from '../../wire/string-run.ts';
import { AnswerScanner } from './answer-scanner.ts';
import { AnswerEditor } from './editor.ts';
import { EventAnswer } from './event-answer.ts';
import { JsonAnswer } from './json-answer.ts';
import { MessageAnswer } from './message-answer.ts';

export { AnswerEditor };

const MODEL_KEY: string = 'model';
const OPEN_INFERENCE_KEY: string = 'model_name';

/**
 * For a JSON body, whose first top-level name is replaced, whatever it is: backends answer with dated names.
 * `jsonBytes`: length of the JSON at the front of a binary Open
 * Inference body; -1: it is JSON to its end. `restore`: put the name back; `countTokens`: read `usage`.
 */
export function jsonEditor(
  protocol: string,
  publicModel: string,
  restore: boolean,
  countTokens: boolean,
  jsonBytes: i32,
  run: StringRun,
): AnswerEditor {
  const key = protocol == OPEN_INFERENCE ? OPEN_INFERENCE_KEY : MODEL_KEY;
  const restores = restore && publicModel.length > 0;
  const scanner = new AnswerScanner(run, key, key, restores, countTokens);
  return new JsonAnswer(scanner, publicModel, jsonBytes);
}

/** As `jsonEditor`, for `text/event-stream`: the first name in each event, or in its `response`. */
export function eventEditor(
  protocol: string,
  publicModel: string,
  restore: boolean,
  countTokens: boolean,
  run: StringRun,
): AnswerEditor {
  const other = protocol == OPEN_INFERENCE ? OPEN_INFERENCE_KEY : MODEL_KEY;
  const restores = restore && publicModel.length > 0;
  const scanner = new AnswerScanner(run, MODEL_KEY, other, restores, countTokens);
  return new EventAnswer(scanner, publicModel);
}

/**
 * For answers to a gRPC method of Open Inference; `method` may be the whole path. Those that name no model,
 * and those of methods that are not known, stay as they are.
 */
export function grpcEditor(publicModel: string, restore: boolean, method: string): AnswerEditor {
  const name = method.substring(method.lastIndexOf('/') + 1);
  const isOwn = name == 'ModelInfer' || name == 'ModelMetadata';
  const isStream = name == 'ModelStreamInfer';
  const isConfig = name == 'ModelConfig';
  const restores = restore && publicModel.length > 0 && (isOwn || isStream || isConfig);
  return new MessageAnswer(publicModel, restores, isStream ? 2 : isConfig ? 1 : 0, isStream);
}
