/** Which path decides whether a key of a list may be seen. Undefined: a path that is too long to exist. */
export type FilterPath = (path: string, key: string) => string | undefined;

export class FilterPathProblem extends Error {
  override readonly name = 'FilterPathProblem';
}

const MAX_TEMPLATE_LENGTH = 1024;
const MAX_PATH_LENGTH = 8192;

/**
 * The function that a template stands for. Of Go's templates it may use `{{ .path }}`, `{{ .key }}` and `| replace "old" "new"`, which is all it
 * takes to name one path after another.
 * @throws FilterPathProblem
 */
export function compileFilterPath(template: string): FilterPath {
  if (template.length > MAX_TEMPLATE_LENGTH) throw new FilterPathProblem(`a template is at most ${MAX_TEMPLATE_LENGTH} characters long`);
  const parts: FilterPath[] = [];
  let text = '';
  for (let at = 0; ;) {
    const open = template.indexOf('{{', at);
    if (open < 0) {
      text += template.slice(at);
      break;
    }
    text += template.slice(at, open);
    const action = readAction(template, open);
    if (action.trimsLeft) text = text.trimEnd();
    parts.push(constant(text), action.part);
    text = '';
    at = action.end;
    if (action.trimsRight) while (/\s/.test(template.charAt(at))) at++;
  }
  parts.push(constant(text));
  return (path, key) => {
    let result = '';
    for (const part of parts) {
      const piece = part(path, key);
      if (piece === undefined || result.length + piece.length > MAX_PATH_LENGTH) return undefined;
      result += piece;
    }
    return result;
  };
}

interface Action {
  readonly part: FilterPath;
  readonly end: number;
  readonly trimsLeft: boolean;
  readonly trimsRight: boolean;
}

const OPEN = /\{\{(-\s)?\s*/y;
const CLOSE = /(\s-)?\s*\}\}/y;
const FIELD = /\.(path|key)\b/y;
const REPLACE = /\s*\|\s*replace\s+("(?:[^"\\]|\\.)*"|`[^`]*`)\s+("(?:[^"\\]|\\.)*"|`[^`]*`)/y;

function readAction(template: string, start: number): Action {
  let at = start;
  const take = (regExp: RegExp): RegExpExecArray | undefined => {
    regExp.lastIndex = at;
    const match = regExp.exec(template);
    if (match === null) return undefined;
    at = regExp.lastIndex;
    return match;
  };
  const open = take(OPEN);
  const field = take(FIELD)?.[1];
  if (field === undefined) throw unknownAction();
  let part: FilterPath = (path, key) => (field === 'path' ? path : key);
  for (let replace = take(REPLACE); replace; replace = take(REPLACE)) part = replacing(part, unquoted(replace[1]!), unquoted(replace[2]!));
  const close = take(CLOSE);
  if (!close) throw unknownAction();
  return { part, end: at, trimsLeft: open?.[1] !== undefined, trimsRight: close[1] !== undefined };
}

function replacing(part: FilterPath, old: string, by: string): FilterPath {
  if (old === '') throw new FilterPathProblem('replace needs something to look for');
  return (path, key) => {
    const pieces = part(path, key)?.split(old);
    if (pieces === undefined) return undefined;
    const length = pieces.reduce((sum, piece) => sum + piece.length + by.length, 0);
    return length > MAX_PATH_LENGTH ? undefined : pieces.join(by);
  };
}

function constant(text: string): FilterPath {
  return () => text;
}

function unquoted(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    throw new FilterPathProblem('a text in quotes is not well-formed');
  }
}

function unknownAction(): FilterPathProblem {
  return new FilterPathProblem('only {{ .path }}, {{ .key }} and {{ ... | replace "old" "new" }} are understood');
}
