import type { RequestError } from '../../protocol/errors.ts';
import type { Fields } from '../../protocol/request-fields.ts';
import type { ServedModel } from '../../runtime/model-catalog.ts';
import type { Chat } from '../../text/chat.ts';
import type { AnswerClient } from '../../text/generation/answer-writer.ts';
import type { FinishReason } from '../../text/generation/generation-request.ts';
import type { GenerationConfig } from '../../text/text-config.ts';
import { LOAD_REPORT_HEADER } from '../load-report.ts';
import { sendJson } from '../responses.ts';
import { type AnswerForm, AnswerTexts, CHAT_FORM, COMPLETION_FORM } from './answer-form.ts';
import { parseChatRequest } from './chat-request.ts';
import { parseCompletionRequest, type TextRequest } from './completion-request.ts';
import type { OpenAiCall } from './openai-call.ts';
import { errorText, FieldError } from './openai-error.ts';
import { modelNameOf, parseBody } from './request-body.ts';

/** POST /v1/chat/completions */
export function answerChat(call: OpenAiCall): void {
  answer(call, CHAT_FORM, parseChatRequest);
}

/** POST /v1/completions */
export function answerCompletion(call: OpenAiCall): void {
  answer(call, COMPLETION_FORM, parseCompletionRequest);
}

function answer(
  call: OpenAiCall,
  form: AnswerForm,
  parse: (body: Fields, config: GenerationConfig, chat: Chat | undefined) => TextRequest,
): void {
  const body = parseBody(call.bytes);
  const model = call.find(modelNameOf(body));
  const writer = model.text?.writer;
  if (!writer) {
    throw new FieldError('model', `is "${model.metadata.name}", which generates no text`);
  }
  const request = parse(body, model.config.generation, model.text?.chat);
  // Its response will never say again that it is closed.
  if (call.gone) {
    call.end();
    return;
  }
  call.watch(model);
  const texts = new AnswerTexts(form, model.metadata.name, request.includeUsage);
  const client = request.stream
    ? new StreamedAnswer(call, model, texts)
    : new WholeAnswer(call, model, texts);
  const { prompt, addSpecialTokens, maxTokens, defaultMaxTokens, sampling, stop } = request;
  const giveUp = writer.write(
    { prompt, addSpecialTokens, maxTokens, defaultMaxTokens, sampling, stop },
    client,
  );
  call.response.once('close', () => {
    if (!call.response.writableFinished) call.dropped(model);
    giveUp();
    call.end();
  });
}

class WholeAnswer implements AnswerClient {
  readonly #call: OpenAiCall;
  readonly #model: ServedModel;
  readonly #texts: AnswerTexts;
  #text = '';
  #promptTokens = 0;

  constructor(call: OpenAiCall, model: ServedModel, texts: AnswerTexts) {
    this.#call = call;
    this.#model = model;
    this.#texts = texts;
  }

  begun(promptTokens: number): void {
    this.#promptTokens = promptTokens;
  }

  text(text: string): void {
    this.#text += text;
  }

  finished(reason: FinishReason, completionTokens: number): void {
    const { service, response } = this.#call;
    const usage = { promptTokens: this.#promptTokens, completionTokens };
    this.#call.answered(this.#model, usage);
    const json = this.#texts.whole(this.#text, reason, usage);
    sendJson(response, 200, json, service.loadReport?.text());
  }

  failed(error: RequestError): void {
    this.#call.fail(error);
  }
}

/** Server-sent events, one for each piece of text. */
class StreamedAnswer implements AnswerClient {
  readonly #call: OpenAiCall;
  readonly #model: ServedModel;
  readonly #texts: AnswerTexts;
  #promptTokens = 0;

  constructor(call: OpenAiCall, model: ServedModel, texts: AnswerTexts) {
    this.#call = call;
    this.#model = model;
    this.#texts = texts;
  }

  begun(promptTokens: number): void {
    this.#promptTokens = promptTokens;
    const { service, response } = this.#call;
    const report = service.loadReport?.text();
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...(report === undefined ? {} : { [LOAD_REPORT_HEADER]: report }),
    });
    response.flushHeaders();
    this.#send(this.#texts.greeting());
  }

  text(text: string): void {
    this.#send(this.#texts.piece(text));
  }

  finished(reason: FinishReason, completionTokens: number): void {
    const usage = { promptTokens: this.#promptTokens, completionTokens };
    this.#call.answered(this.#model, usage);
    this.#send(this.#texts.finish(reason));
    this.#send(this.#texts.usage(usage));
    this.#send('[DONE]');
    this.#call.response.end();
  }

  failed(error: RequestError): void {
    const { response } = this.#call;
    const begun = response.headersSent;
    this.#call.fail(error);
    if (!begun) return;
    // The status is long sent; clients take this for an error too.
    this.#send(errorText(error));
    response.end();
  }

  #send(data: string | undefined): void {
    if (data !== undefined) this.#call.response.write(`data: ${data}\n\n`);
  }
}
