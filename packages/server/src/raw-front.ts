import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { STATUS_CODES } from 'node:http';
import type { FramingLimits, RequestHead } from './request-framing.ts';
import { hasBody, hasToken, Refusal, RequestReader } from './request-framing.ts';
import { rewriteRequest } from './request-target.ts';

/** A whole request, with a method that every HTTP library knows. */
export interface FrontRequest {
  readonly method: string;
  /** Path and query, still encoded, without origin. */
  readonly target: string;
  /** Names in lower case; a name can come more than once. Those that concern only the connection are left out. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface FrontAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** Answers one request. A rejection is answered with a 500 that tells nothing. */
export type FrontHandler = (request: FrontRequest) => Promise<FrontAnswer>;

export interface FrontOptions extends Partial<FramingLimits> {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly handler: FrontHandler;
  /** Whether the body of a request is looked at; if not, it is not read, and the connection ends with the answer. All are, by default. */
  readonly needsBody?: ((head: Pick<FrontRequest, 'method' | 'target' | 'headers'>) => boolean) | undefined;
  /** How long a connection may be silent while a request is awaited or read, in ms; 60 s by default. */
  readonly idleTimeout?: number | undefined;
}

export interface Front {
  readonly port: number;
  /** Takes no more requests and resolves once those under way are answered, 2 s at most. */
  close(): Promise<void>;
}

const LIMITS: FramingLimits = { maxHeadBytes: 16 * 1024, maxBodyBytes: 4 * 1024 * 1024 };
const GRACE = 2000;
const LINGER = 1000;
const LINGER_BYTES = 64 * 1024 * 1024;
// RFC 9110, section 7.6.1, and what this front itself has dealt with. `mf-*` would be instructions to miniflare.
const CONNECTION_HEADER = /^(?:connection|proxy-connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|mf-.*)$/;

/**
 * An HTTP/1.1 server that takes LIST and SCAN, which Node's own and workerd's refuse before any code runs, on connections that are kept and
 * may be pipelined. Requests of a connection are answered one after the other, in order.
 * @throws the system's error (`EADDRINUSE`, `EACCES`, ...) if it can't listen
 */
export async function openFront({ host, port, handler, needsBody = () => true, idleTimeout = 60_000, ...limits }: FrontOptions): Promise<Front> {
  const options = { ...LIMITS, ...limits };
  const connections = new Set<Connection>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = new Connection(socket, new RequestReader(socket, options), { handler, needsBody, idleTimeout });
    connections.add(connection);
    void connection.serve().finally(() => connections.delete(connection));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port }, resolve));

  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.finish();
      const impatience = setTimeout(() => connections.forEach((connection) => connection.destroy()), GRACE);
      await closed;
      clearTimeout(impatience);
    },
  };
}

interface Serving {
  readonly handler: FrontHandler;
  readonly needsBody: NonNullable<FrontOptions['needsBody']>;
  readonly idleTimeout: number;
}

class Connection {
  readonly #socket: Socket;
  readonly #reader: RequestReader;
  readonly #handler: FrontHandler;
  readonly #needsBody: Serving['needsBody'];
  readonly #idleTimeout: number;
  #answering = false;
  #finishing = false;

  constructor(socket: Socket, reader: RequestReader, { handler, needsBody, idleTimeout }: Serving) {
    this.#socket = socket;
    this.#reader = reader;
    this.#handler = handler;
    this.#needsBody = needsBody;
    this.#idleTimeout = idleTimeout;
    socket.on('error', () => undefined); // a client that went away; 'close' follows
    socket.on('timeout', () => socket.destroy());
  }

  /** Never rejects. */
  async serve(): Promise<void> {
    try {
      try {
        while (await this.#one());
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        await this.#send(errorAnswer(error.status, error.message), false, false);
      }
      await this.#hangUp();
    } catch {
      this.#socket.destroy(); // the connection broke
    }
  }

  /** Ends at once if no request is being answered, else with that answer. */
  finish(): void {
    this.#finishing = true;
    if (!this.#answering) this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Whether the connection is to be kept for another request. */
  async #one(): Promise<boolean> {
    this.#socket.setTimeout(this.#idleTimeout);
    const head = await this.#reader.head();
    if (head === undefined) return false;
    const { method, target } = rewriteRequest(head.method, head.target);
    if (head.headers.some(([name]) => name === 'expect') && !hasToken(head, 'expect', '100-continue')) throw new Refusal(417, 'unknown expectation');
    const expectsContinue = hasToken(head, 'expect', '100-continue') && head.version === '1.1';
    const headers = head.headers.filter(([name]) => !CONNECTION_HEADER.test(name));
    const isIgnored = hasBody(head) && !this.#needsBody({ method, target, headers });
    const body = isIgnored
      ? new Uint8Array()
      : await this.#reader.body(head, () => expectsContinue && this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n'));

    this.#socket.setTimeout(0);
    this.#answering = true;
    const answer = await this.#handler({ method, target, headers, body }).catch(() => errorAnswer(500, 'internal error'));
    const keep = isKept(head) && !isIgnored && !this.#finishing;
    await this.#send(answer, keep, head.method === 'HEAD');
    this.#answering = false;
    return keep;
  }

  /** Leaves the client time to take its last answer: closing over data it is still sending would reset the connection. */
  async #hangUp(): Promise<void> {
    this.#socket.end();
    if (!this.#finishing) {
      this.#socket.setTimeout(LINGER);
      await this.#reader.discard(LINGER_BYTES);
    }
    this.#socket.destroy();
  }

  async #send({ status, headers, body }: FrontAnswer, keep: boolean, withoutBody: boolean): Promise<void> {
    const hasBody = status !== 204 && status !== 304;
    const lines = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      ...headers.filter(([name]) => !CONNECTION_HEADER.test(name.toLowerCase())).map(([name, value]) => `${name}: ${value}`),
      `Date: ${new Date().toUTCString()}`,
      // The answer to a HEAD has the length that a GET's would have, if it is known.
      ...(hasBody && !(withoutBody && body.length === 0) ? [`Content-Length: ${body.length}`] : []),
      `Connection: ${keep ? 'keep-alive' : 'close'}`,
    ];
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    const bytes = hasBody && !withoutBody ? Buffer.concat([head, body]) : head;
    // Waits until the system has taken it all, so that a slow reader slows down only its own connection.
    await new Promise<void>((resolve, reject) => this.#socket.write(bytes, (error) => (error ? reject(error) : resolve())));
  }
}

function isKept(head: RequestHead): boolean {
  return head.version === '1.1' ? !hasToken(head, 'connection', 'close') : hasToken(head, 'connection', 'keep-alive');
}

function errorAnswer(status: number, message: string): FrontAnswer {
  const headers = [
    ['Content-Type', 'application/json'],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ] as const;
  return { status, headers, body: Buffer.from(JSON.stringify({ errors: [message] })) };
}
