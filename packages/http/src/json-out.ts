import type { JsonText } from '@sealkv/core/json';

/** JSON text that goes into an answer as it is, digit by digit. */
export class ExactJson {
  readonly text: JsonText;
  constructor(text: JsonText) {
    this.text = text;
  }
}

/** What an answer can hold. A map keeps the order of its members, also where they look like numbers. */
export type Out = null | boolean | number | string | ExactJson | readonly Out[] | ReadonlyMap<string, Out> | { readonly [name: string]: Out };

export function printOut(out: Out): string {
  if (out === null || typeof out !== 'object') return JSON.stringify(out);
  if (out instanceof ExactJson) return out.text;
  if (Array.isArray(out)) return `[${(out as readonly Out[]).map(printOut).join()}]`;
  const members = out instanceof Map ? [...(out as ReadonlyMap<string, Out>)] : Object.entries(out as { readonly [name: string]: Out });
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${printOut(member)}`).join()}}`;
}

/** Go prints maps with their names in byte order. */
export function sortedByName(members: Iterable<readonly [string, Out]>): ReadonlyMap<string, Out> {
  return new Map([...members].sort(([a], [b]) => (a < b ? -1 : 1)));
}
