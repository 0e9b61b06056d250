/** What applications of this mesh ask models. */

const BODY_BYTES = 1000;

/** 1 kB, the model first, as the libraries of OpenAI write it. */
export function chatBody(user: number): string {
  const begin = '{"model":"chat","messages":[{"role":"user","content":"';
  const end = `"}],"user":"${user}"}`;
  return begin + 'x'.repeat(BODY_BYTES - begin.length - end.length) + end;
}
