/** Names and addresses as they may be written in an object. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { RESERVED_PREFIX } from '../../filters/contract/headers.ts';
import {
  MAX_FIELD_PATH_LENGTH,
  MAX_FIELD_VALUE_BYTES,
  MAX_MODEL_NAME_LENGTH,
  MAX_NAME_LENGTH,
} from '../../filters/contract/limits.ts';
import { list, reason, text } from './fields.ts';

const LABEL = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const MAX_LABEL_LENGTH = 63;

/** Kubernetes' rule for namespaces and for names inside an object. */
export function dnsLabel() {
  const must =
    'a DNS label (lower case letters, digits and -, with a letter or digit at both ends)';
  return text(must, MAX_LABEL_LENGTH, new RegExp(`^${LABEL}$`));
}

/** Kubernetes' rule for names of objects. */
export function dnsSubdomain() {
  const must = 'a DNS name (lower case letters, digits, - and ., a letter or digit at both ends)';
  return text(must, MAX_NAME_LENGTH, new RegExp(`^${SUBDOMAIN}$`));
}

export function hostname() {
  const must = 'a lower case host name without a port, *.suffix, or *';
  return text(must, MAX_NAME_LENGTH, new RegExp(`^(\\*|(\\*\\.)?${SUBDOMAIN})$`));
}

const MODEL_NAME = '[A-Za-z0-9_/@][A-Za-z0-9._:/@+=~,-]*';
const MODEL_CHARACTERS = 'letters, digits and . _ : / @ + = ~ , -';

/** A model's name: what may stand in a path, a header and a JSON string without escapes. */
export function modelName() {
  const must = `a model name (${MODEL_CHARACTERS})`;
  return text(must, MAX_MODEL_NAME_LENGTH, new RegExp(`^${MODEL_NAME}$`));
}

/** A model's name, or names: `*` stands only at the end, for whatever follows. */
export function modelPattern() {
  const must = `a model name (${MODEL_CHARACTERS}), prefix* for all names that begin so, or * for all`;
  return text(must, MAX_MODEL_NAME_LENGTH, new RegExp(`^(${MODEL_NAME}|(${MODEL_NAME})?\\*)$`));
}

export function modelVersion() {
  const must = 'a model version in quotes (letters, digits and . _ -)';
  return text(must, MAX_MODEL_NAME_LENGTH, /^[A-Za-z0-9][A-Za-z0-9._-]*$/);
}

export function headerName() {
  const must = 'a lower case header name';
  return text(must, MAX_NAME_LENGTH, /^[a-z0-9!#$%&'*+.^_`|~-]+$/).refine(
    (name) => !name.startsWith(RESERVED_PREFIX),
    {
      error: `must not start with ${RESERVED_PREFIX}, which Modelweir keeps to itself; use another header`,
    },
  );
}

export function headerNames(max: number) {
  return list(headerName(), 0, max);
}

/** Proxies take the spaces around a value away, so one with such spaces would never be met. */
export function headerValue(maxLength: number) {
  const must = 'a header value (printable ASCII, without a space at either end)';
  return text(must, maxLength, /^[!-~]([ -~]*[!-~])?$/);
}

export function cookieName() {
  const must = 'a cookie name';
  return text(must, MAX_NAME_LENGTH, /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/);
}

/** As it stands in the header, without any decoding. */
export function cookieValue(maxLength: number) {
  const must = 'a cookie value (printable ASCII but ;, without a space at either end)';
  return text(must, maxLength, /^[!-:<-~]([ -:<-~]*[!-:<-~])?$/);
}

/** What a JSON body has in a field: a string's text, or a number, `true` or `false` as it is written. */
export function fieldValue(maxLength: number) {
  const must = 'a value in quotes, without control characters';
  return text(must, maxLength, /^\P{Cc}+$/u).refine(
    (value) => Buffer.byteLength(value) <= MAX_FIELD_VALUE_BYTES,
    {
      error: `must be at most ${MAX_FIELD_VALUE_BYTES} bytes of UTF-8: no more is read of a field`,
    },
  );
}

/** What is asked of a server: no fragment, and nothing to encode. */
export function urlPath() {
  const must = 'a path such as /health (printable ASCII, no space and no #)';
  return text(must, MAX_NAME_LENGTH, /^\/[!-"$-~]*$/);
}

/** A field of a JSON object, or of an object in it. */
export function fieldPath() {
  const must = 'a field such as user or metadata.tenant (letters, digits, _ and -, one . at most)';
  return text(must, MAX_FIELD_PATH_LENGTH, /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?$/);
}

export function ipAddress() {
  const error = reason('an IP address (a name is not looked up)');
  return z
    .string({ error })
    .max(MAX_LABEL_LENGTH, { error })
    .refine((value) => isIP(value) !== 0, {
      error,
    });
}
