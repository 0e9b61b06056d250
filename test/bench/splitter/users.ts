/** Chat requests of many users, so that both variants of a split get some. */
import { CHAT_PATH, chatBody } from '../router/chat-body.ts';
import { MODEL, STICKY_HEADER } from './meshes.ts';

const USERS = 64;

/** Where in the body the field `user` stands: behind the name, or behind everything. */
export type UserPlace = 'first' | 'last';

/** The name first; each `bytes` bytes long. All name their user in a header, too. */
export function userRequests(place: UserPlace, bytes: number) {
  return Array.from({ length: USERS }, (_, index) => {
    // All names are equally long.
    const user = `user-${1000 + index}`;
    return {
      method: 'POST',
      path: CHAT_PATH,
      headers: { 'content-type': 'application/json', [STICKY_HEADER]: user },
      body: userBody(user, place, bytes),
    } as const;
  });
}

function userBody(user: string, place: UserPlace, bytes: number): string {
  const field = `"user":${JSON.stringify(user)}`;
  const body = chatBody(MODEL, 'first', bytes - field.length - 1);
  if (place === 'last') return `${body.slice(0, -1)},${field}}`;
  const nameEnd = body.indexOf(',');
  return `${body.slice(0, nameEnd)},${field}${body.slice(nameEnd)}`;
}
