/** Our processes log one JSON object per line. */

/** The fields of a log line; null when it is something else. */
export function logEntry(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
