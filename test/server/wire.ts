import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface WireAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection on which a test writes bytes as it likes and reads answers one by one. */
export class Wire {
  readonly #socket: Socket;
  readonly #bytes: AsyncIterator<Buffer>;
  #buffered = '';

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once('error', reject).once('connect', resolve));
    return new Wire(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#socket.on('error', () => undefined);
    this.#bytes = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** Resolves once the system has taken the bytes. */
  async send(text: string): Promise<void> {
    await new Promise((resolve) => this.#socket.write(Buffer.from(text, 'latin1'), resolve));
  }

  end(): void {
    this.#socket.end();
  }

  /** The next answer. @param toHead whether it answers a HEAD, and so has no body whatever its headers say */
  async answer(toHead = false): Promise<WireAnswer> {
    while (!this.#buffered.includes('\r\n\r\n'))
      if (!(await this.#more())) throw new Error(`the connection ended in ${JSON.stringify(this.#buffered)}`);
    const end = this.#buffered.indexOf('\r\n\r\n');
    const [statusLine = '', ...fields] = this.#buffered.slice(0, end).split('\r\n');
    this.#buffered = this.#buffered.slice(end + 4);
    const headers = new Map(fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 2)]));
    const length = toHead ? 0 : Number(headers.get('content-length') ?? 0);
    while (this.#buffered.length < length) if (!(await this.#more())) throw new Error('the connection ended in a body');
    const body = this.#buffered.slice(0, length);
    this.#buffered = this.#buffered.slice(length);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }

  /** What still comes until the other side closes. */
  async rest(): Promise<string> {
    while (await this.#more());
    return this.#buffered;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#bytes.next().catch(() => ({ value: undefined, done: true }) as const);
    if (done || value === undefined) return false;
    this.#buffered += value.toString('latin1');
    return true;
  }
}
