import type { Out } from './json-out.ts';

/** A request that is refused, as it is told to the client: a status and what is wrong. Never holds secret data. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly errors: readonly string[];
  /** Members of the answer besides `errors`. */
  readonly more: Readonly<Record<string, Out>>;
  /** Headers of the answer besides those that every answer has. */
  readonly headers: Readonly<Record<string, string>> = {};

  constructor(status: number, errors: string | readonly string[] = [], more: Readonly<Record<string, Out>> = {}) {
    const list = typeof errors === 'string' ? [errors] : errors;
    super(list.join('; '));
    this.status = status;
    this.errors = list;
    this.more = more;
  }
}

/** Go's multierror, in which OpenBao wraps errors of a handler. */
export function multiError(...messages: readonly string[]): string {
  const head = messages.length === 1 ? '1 error occurred:' : `${messages.length} errors occurred:`;
  return `${head}\n${messages.map((message) => `\t* ${message}\n`).join('')}\n`;
}

export const badRequest = (message: string): ApiError => new ApiError(400, message);
export const permissionDenied = (): ApiError => new ApiError(403, 'permission denied');
