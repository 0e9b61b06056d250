/** Requests as the clients of these tests send them. */
import type { Agent, OutgoingHttpHeaders } from 'node:http';
import { type Answer, exchange } from '../../../control-plane/cli/quickstart/exchange.ts';

export const CHAT_PATH = '/v1/chat/completions';

export interface Asking {
  readonly url: string;
  readonly model: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Fields of the body besides the model. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly agent?: Agent;
}

/** A chat request; its body has the name first. */
export function chat({ url, model, headers = {}, body = {}, agent }: Asking): Promise<Answer> {
  const request = {
    url: url + CHAT_PATH,
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model, ...body }),
  };
  return exchange(request, agent);
}

/** Name of the variant that answered, as the caller is told. */
export function variantOf(answer: Answer): string | undefined {
  return answer.headers['x-modelweir-variant']?.toString();
}

export function attemptsOf(answer: Answer): string | undefined {
  return answer.headers['x-modelweir-attempts']?.toString();
}
