import type { Socket } from 'node:net';

/** What a connection may cost before anything is known about its sender. */
export interface FramingLimits {
  /** Request line and headers together, in bytes; more is 431. */
  readonly maxHeadBytes: number;
  /** The decoded body, in bytes; more is 413, by Content-Length before any of it is read. */
  readonly maxBodyBytes: number;
}

/** The request line and headers as they were sent, checked for form only. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  /** Names in lower case, values without surrounding blanks, in the order sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A request that is answered without anybody having looked at it; the connection ends with that answer. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const REQUEST_LINE = /^(?<method>\S+) (?<target>[!-~\x80-\xff]+) HTTP\/(?<version>1\.[01])$/;
const CONTROL_CHARACTER = /[\0-\x08\x0a-\x1f\x7f]/;
const MAX_CHUNK_LINE = 1024;

/**
 * Reads HTTP/1.1 requests off a connection, whatever their method: Node's own parser knows a fixed list, without LIST and SCAN.
 * It is strict where two parsers could disagree about where a request ends (RFC 9112, sections 6.3 and 11.2).
 */
export class RequestReader {
  readonly #bytes: AsyncIterator<Buffer>;
  readonly #limits: FramingLimits;
  #buffered: Buffer = Buffer.alloc(0);

  constructor(socket: Socket, limits: FramingLimits) {
    // The default would close the connection when the sender has finished sending, before it got its answer.
    this.#bytes = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    this.#limits = limits;
  }

  /**
   * The next request's head; undefined where the connection ends between two requests.
   * @throws Refusal 400, 431
   */
  async head(): Promise<RequestHead | undefined> {
    let left = this.#limits.maxHeadBytes;
    const line = async (): Promise<string> => {
      const text = await this.#line(left, 431, 'request header is too large');
      left -= text.length + 2;
      return text;
    };
    let requestLine = '';
    // Empty lines before a request are allowed for by RFC 9112, section 2.2.
    while (requestLine === '') {
      if (this.#buffered.length === 0 && !(await this.#more())) return undefined;
      requestLine = await line();
    }
    const { method, target, version } = REQUEST_LINE.exec(requestLine)?.groups ?? {};
    if (!method || !target || !TOKEN.test(method)) throw new Refusal(400, 'malformed request line');

    const headers: (readonly [string, string])[] = [];
    for (let field = await line(); field !== ''; field = await line()) headers.push(parseField(field));
    const head: RequestHead = { method, target, version: version === '1.0' ? '1.0' : '1.1', headers };
    if (all(head, 'host').length !== 1 && version === '1.1') throw new Refusal(400, 'exactly one Host header is needed');
    return head;
  }

  /**
   * The body that belongs to `head`, decoded. `beforeReading` is called once if there is one to wait for.
   * @throws Refusal 400, 413
   */
  async body(head: RequestHead, beforeReading: () => void): Promise<Uint8Array> {
    const framing = bodyFraming(head);
    if (framing === 0) return new Uint8Array();
    if (framing !== 'chunked') this.#checkBodySize(framing);
    if (this.#buffered.length === 0) beforeReading();
    return framing === 'chunked' ? this.#chunks() : this.#exactly(framing);
  }

  /** Reads and forgets what still comes in, up to `bytes`: closing over unread data would reset the connection and lose the answer. */
  async discard(bytes: number): Promise<void> {
    for (let left = bytes - this.#buffered.length; left > 0; left -= this.#buffered.length) {
      this.#buffered = Buffer.alloc(0);
      if (!(await this.#more())) return;
    }
  }

  async #chunks(): Promise<Uint8Array> {
    const chunks: Buffer[] = [];
    let size = 0;
    for (;;) {
      const line = await this.#line(MAX_CHUNK_LINE, 400, 'malformed chunk');
      // Extensions mean nothing here.
      const digits = /^([0-9a-fA-F]{1,8})[ \t]*(?:;|$)/.exec(line)?.[1];
      if (digits === undefined || CONTROL_CHARACTER.test(line)) throw new Refusal(400, 'malformed chunk');
      const length = Number.parseInt(digits, 16);
      if (length === 0) break;
      this.#checkBodySize((size += length));
      chunks.push(await this.#exactly(length));
      if ((await this.#exactly(2)).toString('latin1') !== '\r\n') throw new Refusal(400, 'malformed chunk');
    }
    // Trailers are read to find the end, and dropped: merged with the headers they could overrule what was checked.
    let left = this.#limits.maxHeadBytes;
    for (;;) {
      const field = await this.#line(left, 431, 'request trailer is too large');
      if (field === '') return Buffer.concat(chunks, size);
      parseField(field);
      left -= field.length + 2;
    }
  }

  #checkBodySize(bytes: number): void {
    if (bytes > this.#limits.maxBodyBytes) throw new Refusal(413, 'request body too large');
  }

  /** One line without its CRLF, as Latin-1: every byte is one character. */
  async #line(limit: number, status: number, message: string): Promise<string> {
    let searched = 0;
    for (;;) {
      const end = this.#buffered.indexOf('\n', searched);
      searched = this.#buffered.length;
      if ((end === -1 ? searched : end) > limit) throw new Refusal(status, message);
      if (end !== -1) {
        if (this.#buffered[end - 1] !== 0x0d) throw new Refusal(400, 'lines must end with CR LF');
        const line = this.#buffered.toString('latin1', 0, end - 1);
        this.#buffered = this.#buffered.subarray(end + 1);
        return line;
      }
      await this.#mustHaveMore();
    }
  }

  async #exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = length;
    for (;;) {
      const part = this.#buffered.subarray(0, missing);
      this.#buffered = this.#buffered.subarray(part.length);
      parts.push(part);
      missing -= part.length;
      if (missing === 0) return Buffer.concat(parts, length);
      await this.#mustHaveMore();
    }
  }

  async #mustHaveMore(): Promise<void> {
    if (!(await this.#more())) throw new Refusal(400, 'the request ended too early');
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#bytes.next();
    if (done) return false;
    this.#buffered = this.#buffered.length === 0 ? value : Buffer.concat([this.#buffered, value]);
    return true;
  }
}

/** The values of a header, in the order sent. */
export function all({ headers }: Pick<RequestHead, 'headers'>, name: string): string[] {
  return headers.filter(([other]) => other === name).map(([, value]) => value);
}

/** Whether a header that is a list of tokens (Connection, Expect) has this one. */
export function hasToken(head: RequestHead, name: string, token: string): boolean {
  return all(head, name).some((value) =>
    value
      .toLowerCase()
      .split(/[ \t]*,[ \t]*/)
      .includes(token),
  );
}

function parseField(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  // Catches a folded line (it begins with a blank) and a blank before the colon, too.
  if (!TOKEN.test(name)) throw new Refusal(400, 'malformed header');
  const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
  if (CONTROL_CHARACTER.test(value)) throw new Refusal(400, 'malformed header');
  return [name.toLowerCase(), value];
}

/**
 * Whether a body follows.
 * @throws Refusal 400
 */
export function hasBody(head: RequestHead): boolean {
  return bodyFraming(head) !== 0;
}

/** How the body is framed: its length in bytes, or in chunks. What could be read in two ways is refused. */
function bodyFraming(head: RequestHead): number | 'chunked' {
  const codings = all(head, 'transfer-encoding');
  const lengths = all(head, 'content-length');
  if (codings.length > 0) {
    if (lengths.length > 0) throw new Refusal(400, 'both Content-Length and Transfer-Encoding');
    if (head.version === '1.0' || codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked')
      throw new Refusal(400, 'unsupported transfer encoding');
    return 'chunked';
  }
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0] ?? '0')) throw new Refusal(400, 'malformed Content-Length');
  return Number(lengths[0] ?? 0);
}
