/*
 * Reads the part of HCL 1 that policies are written in, and JSON, which means the same thing: a text that starts with `{` is JSON. HCL takes
 * repeated attributes, optional commas between members and any number of commas in lists; JSON is strict. Every character is looked at a bounded
 * number of times.
 */

export interface Position {
  readonly line: number;
  readonly column: number;
}

export type HclValue =
  | { readonly kind: 'string'; readonly text: string; readonly at: Position }
  /** `literal` is a JSON number. */
  | { readonly kind: 'number'; readonly literal: string; readonly at: Position }
  | { readonly kind: 'bool'; readonly value: boolean; readonly at: Position }
  /** JSON only. */
  | { readonly kind: 'null'; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly at: Position }
  | HclObject;

export interface HclObject {
  readonly kind: 'object';
  /** In the order of the text; a name may come more than once. */
  readonly members: readonly HclMember[];
  readonly at: Position;
}

export interface HclMember {
  readonly name: string;
  /** What stands between the name and the brace of a block: `path "a" {`. */
  readonly labels: readonly string[];
  /** The line of the `=` or `:`; 0 for a block, which has none. */
  readonly assignLine: number;
  readonly value: HclValue;
  readonly at: Position;
}

export interface HclFile {
  readonly syntax: 'hcl' | 'json';
  readonly root: HclObject;
}

export interface HclLimits {
  /** UTF-16 units. */
  readonly maxLength: number;
  /** Nested blocks, objects and lists; the outermost counts 1. */
  readonly maxDepth: number;
}

export const HCL_LIMITS: HclLimits = { maxLength: 1_048_576, maxDepth: 32 };

/** Why a text is no HCL. Says where and what was expected, never what the text contains. */
export class HclError extends Error {
  override readonly name = 'HclError';
  readonly line: number;
  readonly column: number;

  constructor(message: string, { line, column }: Position) {
    super(`At ${line}:${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}

/** @throws HclError */
export function parseHcl(text: string, limits: HclLimits = HCL_LIMITS): HclFile {
  if (text.length > limits.maxLength) throw new HclError(`the text is longer than ${limits.maxLength} characters`, { line: 1, column: 1 });
  const source = text.replaceAll('\r\n', '\n');
  const json = FIRST.exec(source)?.[0].endsWith('{') ?? false;
  return new Parser(new Scanner(source, json), limits.maxDepth).file();
}

const FIRST = /^\p{White_Space}*\{?/u;

class Parser {
  readonly #scanner: Scanner;
  readonly #maxDepth: number;
  #token: Token;

  constructor(scanner: Scanner, maxDepth: number) {
    this.#scanner = scanner;
    this.#maxDepth = maxDepth;
    this.#token = scanner.next();
  }

  file(): HclFile {
    const { at } = this.#token;
    if (!this.#scanner.json) return { syntax: 'hcl', root: { kind: 'object', members: this.#members('end', 0), at } };
    const root = this.#object(0);
    if (this.#token.kind !== 'end') throw this.#unexpected('the end of the text');
    return { syntax: 'json', root };
  }

  /** Members up to the closing token, which is taken too. */
  #members(close: '}' | 'end', depth: number): readonly HclMember[] {
    const members: HclMember[] = [];
    while (this.#token.kind !== close) {
      members.push(this.#member(depth));
      if (this.#token.kind === ',') this.#take();
    }
    this.#take();
    return members;
  }

  #member(depth: number): HclMember {
    const { at } = this.#token;
    const keys: string[] = [];
    while (this.#token.kind === 'name' || this.#token.kind === 'string') keys.push(this.#take().text);
    const [name, ...labels] = keys;
    if (name === undefined) throw this.#unexpected('a name');
    if (this.#token.kind === '{') return { name, labels, assignLine: 0, value: this.#object(depth + 1), at };
    if (this.#token.kind !== '=') throw this.#unexpected(`'{' or '='`);
    if (labels.length > 0) throw this.#unexpected(`'{' after a label`);
    const assignLine = this.#take().at.line;
    return { name, labels, assignLine, value: this.#value(depth + 1), at };
  }

  #object(depth: number): HclObject {
    const { at } = this.#open(depth);
    return { kind: 'object', members: this.#scanner.json ? this.#jsonMembers(depth) : this.#members('}', depth), at };
  }

  #jsonMembers(depth: number): readonly HclMember[] {
    const members: HclMember[] = [];
    const names = new Set<string>();
    if (this.#skip('}')) return members;
    do {
      const { kind, text: name, at } = this.#token;
      if (kind !== 'string') throw this.#unexpected('a name in quotes');
      if (names.has(name)) throw new HclError('a member appears twice', at);
      names.add(name);
      this.#take();
      const assignLine = this.#token.at.line;
      if (!this.#skip(':')) throw this.#unexpected(`':'`);
      members.push({ name, labels: [], assignLine, value: this.#value(depth + 1), at });
    } while (this.#skip(','));
    if (!this.#skip('}')) throw this.#unexpected(`',' or '}'`);
    return members;
  }

  #value(depth: number): HclValue {
    const { kind, text, at } = this.#token;
    if (kind === '{') return this.#object(depth);
    if (kind === '[') return this.#list(depth);
    const isNull = kind === 'name' && text === 'null' && this.#scanner.json;
    if (kind !== 'string' && kind !== 'number' && kind !== 'bool' && !isNull) throw this.#unexpected('a value');
    this.#take();
    if (kind === 'string') return { kind, text, at };
    if (kind === 'number') return { kind, literal: text, at };
    return kind === 'bool' ? { kind, value: text === 'true', at } : { kind: 'null', at };
  }

  #list(depth: number): HclValue {
    const { at } = this.#open(depth);
    const items: HclValue[] = [];
    const { json } = this.#scanner;
    for (;;) {
      if (!json) while (this.#skip(','));
      if ((!json || items.length === 0) && this.#skip(']')) break;
      items.push(this.#value(depth + 1));
      if (this.#skip(']')) break;
      if (!this.#skip(',')) throw this.#unexpected(`',' or ']'`);
    }
    return { kind: 'list', items, at };
  }

  #open(depth: number): Token {
    if (this.#token.kind !== '{' && this.#token.kind !== '[') throw this.#unexpected(`'{'`);
    if (depth > this.#maxDepth) throw new HclError(`nested more than ${this.#maxDepth} deep`, this.#token.at);
    return this.#take();
  }

  #take(): Token {
    const token = this.#token;
    if (token.kind !== 'end') this.#token = this.#scanner.next();
    return token;
  }

  #skip(kind: TokenKind): boolean {
    if (this.#token.kind !== kind) return false;
    this.#take();
    return true;
  }

  #unexpected(expected: string): HclError {
    const { kind, at } = this.#token;
    const met = kind.length === 1 ? `'${kind}'` : kind === 'end' ? 'the end of the text' : `a ${kind}`;
    return new HclError(`expected ${expected}, met ${met}`, at);
  }
}

type TokenKind = 'name' | 'string' | 'number' | 'bool' | 'end' | '{' | '}' | '[' | ']' | ',' | '=' | ':';

interface Token {
  readonly kind: TokenKind;
  /** The name, the decoded string, the number as JSON writes it. */
  readonly text: string;
  readonly at: Position;
}

const SPACE = /[ \t\r\n]+/y;
const LINE_COMMENT = /(?:#|\/\/)[^\n]*/y;
const NAME = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const NUMBER = /-?(?:0[xX][0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\p{L}\p{Nd}_.])/uy;
const JSON_NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\p{L}\p{Nd}_.])/uy;
const HEREDOC = /<<(-?)([\p{L}\p{Nd}_]+)\n/uy;
const PLAIN_TEXT = /[^"\\$\n]+/y;

class Scanner {
  readonly json: boolean;
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #lineEnd: number;

  constructor(text: string, json: boolean) {
    this.#text = text;
    this.json = json;
    this.#lineEnd = lineEnd(text, 0);
  }

  next(): Token {
    this.#skipSpace();
    const at = this.#position();
    const char = this.#text.charAt(this.#at);
    switch (char) {
      case '':
        return { kind: 'end', text: '', at };
      case '{':
      case '}':
      case '[':
      case ']':
      case ',':
        this.#moveTo(this.#at + 1);
        return { kind: char, text: char, at };
      case '=':
      case ':':
        if ((char === ':') !== this.json) break;
        this.#moveTo(this.#at + 1);
        return { kind: char, text: char, at };
      case '"':
        return { kind: 'string', text: this.json ? this.#jsonString() : this.#string(), at };
      case '<':
        if (this.json) break;
        return { kind: 'string', text: this.#heredoc(), at };
      default:
    }
    if (char === '-' || (char >= '0' && char <= '9')) {
      const number = this.#match(this.json ? JSON_NUMBER : NUMBER)?.[0];
      if (number === undefined) throw new HclError('malformed number', at);
      return { kind: 'number', text: this.#numberLiteral(number, at), at };
    }
    const name = this.#match(NAME)?.[0];
    if (name === undefined) throw new HclError('unexpected character', at);
    return { kind: name === 'true' || name === 'false' ? 'bool' : 'name', text: name, at };
  }

  #skipSpace(): void {
    for (;;) {
      if (this.#match(SPACE)) continue;
      if (this.json) return;
      if (this.#match(LINE_COMMENT)) continue;
      if (!this.#text.startsWith('/*', this.#at)) return;
      const end = this.#text.indexOf('*/', this.#at + 2);
      if (end < 0) throw this.#failure('a comment is not closed');
      this.#moveTo(end + 2);
    }
  }

  #jsonString(): string {
    const start = this.#position();
    const from = this.#at;
    this.#moveTo(from + 1);
    for (;;) {
      this.#match(PLAIN_TEXT);
      const char = this.#text.charAt(this.#at);
      if (char === '' || char === '\n') throw new HclError('a string is not closed', start);
      this.#moveTo(Math.min(this.#at + (char === '\\' ? 2 : 1), this.#text.length));
      if (char === '"') break;
    }
    try {
      return JSON.parse(this.#text.slice(from, this.#at)) as string;
    } catch {
      throw new HclError('a string is not well-formed', start);
    }
  }

  #string(): string {
    const start = this.#position();
    const parts: string[] = [];
    this.#moveTo(this.#at + 1);
    for (;;) {
      const plain = this.#match(PLAIN_TEXT);
      if (plain) parts.push(plain[0]);
      const char = this.#text.charAt(this.#at);
      if (char === '' || char === '\n') throw new HclError('a string is not closed', start);
      if (char === '\\') {
        parts.push(this.#escape());
      } else if (char === '$' && this.#text.charAt(this.#at + 1) === '{') {
        parts.push(this.#interpolation());
      } else {
        this.#moveTo(this.#at + 1);
        if (char === '"') return parts.join('');
        parts.push(char);
      }
    }
  }

  /** `${…}` means nothing here, but quotes and line ends in it belong to the string, which gets it as it stands. */
  #interpolation(): string {
    const start = this.#at;
    let braces = 0;
    do {
      const char = this.#text.charAt(this.#at);
      if (char === '') throw this.#failure('a string is not closed');
      if (char === '\\') {
        this.#escape();
        continue;
      }
      if (char === '{') braces++;
      if (char === '}') braces--;
      this.#moveTo(this.#at + 1);
    } while (braces > 0 || this.#at === start + 1);
    return this.#text.slice(start, this.#at);
  }

  #escape(): string {
    const [escape, plain, octal, hex] = this.#match(ESCAPE) ?? [];
    if (escape === undefined) throw this.#failure('unknown escape in a string');
    if (plain !== undefined) return PLAIN_BY_ESCAPE[plain]!;
    const code = octal === undefined ? Number.parseInt(hex!.slice(1), 16) : Number.parseInt(octal, 8);
    const isByte = octal !== undefined || hex!.startsWith('x');
    // A byte beyond ASCII would have to be part of a character; half of a surrogate pair is none.
    if (code > (isByte ? 0x7f : 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) throw this.#failure('an escape in a string is no character');
    return String.fromCodePoint(code);
  }

  /**
   * The lines up to the one with just the anchor. What that one is indented by is cut off every line after `<<-` if they all have it; after `<<`
   * it is text.
   */
  #heredoc(): string {
    const start = this.#position();
    const [, dash, anchor] = this.#match(HEREDOC) ?? [];
    if (anchor === undefined) throw new HclError('a heredoc starts with << and a word, alone at the end of its line', start);
    const lines: string[] = [];
    for (;;) {
      const end = this.#text.indexOf('\n', this.#at);
      if (end < 0) throw new HclError('a heredoc is not closed', start);
      const line = this.#text.slice(this.#at, end);
      this.#moveTo(end + 1);
      const indent = INDENT.exec(line)![0];
      if (line.startsWith(anchor, indent.length) && line.length === indent.length + anchor.length) {
        const cut = dash !== '' && lines.every((other) => other.startsWith(indent)) ? indent.length : 0;
        return `${lines.map((other) => `${other.slice(cut)}\n`).join('')}${dash === '' ? indent : ''}`;
      }
      lines.push(line);
    }
  }

  #numberLiteral(number: string, at: Position): string {
    if (number.length > 64) throw new HclError('a number is too long', at);
    const [, sign = '', digits = ''] = /^(-?)(.*)$/.exec(number)!;
    if (/^0x/i.test(digits)) return sign + BigInt(digits).toString();
    if (/^0[0-9]+$/.test(digits)) {
      if (/[89]/.test(digits)) throw new HclError('a number that starts with 0 is octal', at);
      return sign + BigInt(`0o${digits}`).toString();
    }
    return sign + digits.replace(/^0+(?=[0-9])/, '');
  }

  #match(regExp: RegExp): RegExpExecArray | undefined {
    regExp.lastIndex = this.#at;
    const match = regExp.exec(this.#text);
    if (match === null) return undefined;
    this.#moveTo(regExp.lastIndex);
    return match;
  }

  #moveTo(end: number): void {
    while (this.#lineEnd < end) {
      this.#line++;
      this.#lineStart = this.#lineEnd + 1;
      this.#lineEnd = lineEnd(this.#text, this.#lineStart);
    }
    this.#at = end;
  }

  #position(): Position {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #failure(message: string): HclError {
    return new HclError(message, this.#position());
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

const INDENT = /^[ \t\v\f\r]*/;
const ESCAPE = /\\(?:([abfnrtv\\"])|([0-7]{3})|(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))/y;
const PLAIN_BY_ESCAPE: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};
