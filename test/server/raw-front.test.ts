import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Front, FrontHandler, FrontRequest } from '../../packages/server/src/raw-front.ts';
import { openFront } from '../../packages/server/src/raw-front.ts';
import { Wire } from './wire.ts';

let front: Front;
let handler: FrontHandler;
let seen: FrontRequest[];

const echo: FrontHandler = async (request) => {
  seen.push(request);
  const text = `${request.method} ${request.target} ${Buffer.from(request.body).toString('latin1')}`;
  return { status: 200, headers: [['Content-Type', 'text/plain']], body: Buffer.from(text.trimEnd(), 'latin1') };
};

beforeEach(async () => {
  seen = [];
  handler = echo;
  front = await openFront({ host: '127.0.0.1', port: 0, handler: (request) => handler(request), maxBodyBytes: 1000, maxHeadBytes: 2000 });
});
afterEach(() => front.close());

const HOST = 'Host: x\r\n';

/** One request on a connection of its own; the answer's body, or status and error where it is none. */
async function ask(head: string, body = ''): Promise<string> {
  using wire = await Wire.open(front.port);
  await wire.send(`${head}\r\n${HOST}${body === '' ? '' : `Content-Length: ${body.length}\r\n`}\r\n${body}`);
  return show(await wire.answer());
}

function show({ status, body }: { status: number; body: string }): string {
  return status === 200 ? body : `${status} ${(JSON.parse(body) as { errors: string[] }).errors.join()}`;
}

test.each([
  ['LIST /v1/secret/metadata/a HTTP/1.1', 'GET /v1/secret/metadata/a?list=true'],
  ['LIST /v1/secret/metadata/a?after=b&limit=2 HTTP/1.1', 'GET /v1/secret/metadata/a?after=b&limit=2&list=true'],
  ['LIST /v1/secret/metadata? HTTP/1.1', 'GET /v1/secret/metadata?list=true'],
  ['LIST /p?list=false&scan=true&x=1 HTTP/1.1', 'GET /p?x=1&list=true'],
  ['SCAN /p?%6cist=true HTTP/1.1', 'GET /p?scan=true'],
  ['SCAN /p HTTP/1.1', 'GET /p?scan=true'],
  ['GET /p?list=true HTTP/1.1', 'GET /p?list=true'],
  ['GET /? HTTP/1.1', 'GET /?'],
  ['PATCH //a//b?c=d?e HTTP/1.1', 'PATCH //a//b?c=d?e'],
  ['GET http://elsewhere:1/v1/x?y HTTP/1.1', 'GET /v1/x?y'],
  ['GET HTTPS://elsewhere HTTP/1.1', 'GET /'],
  ['GET /v1/\xd0\xba HTTP/1.1', 'GET /v1/%D0%BA'],
  ['GET /a%2F..%2Fb/...?x=.. HTTP/1.1', 'GET /a%2F..%2Fb/...?x=..'],
])('%s is carried on as %s', async (line, carried) => {
  expect(await ask(line)).toBe(carried);
});

test.each([
  ['GET /v1/../x HTTP/1.1', '400 relative paths not supported'],
  ['GET /v1/./x HTTP/1.1', '400 relative paths not supported'],
  ['GET /v1/x/.. HTTP/1.1', '400 relative paths not supported'],
  ['GET /v1/%2e%2E/x HTTP/1.1', '400 relative paths not supported'],
  ['LIST /v1/.%2e HTTP/1.1', '400 relative paths not supported'],
  ['GET /v1\\..\\x HTTP/1.1', '400 relative paths not supported'],
  ['GET http://h/v1/../x HTTP/1.1', '400 relative paths not supported'],
  ['GET /a#b HTTP/1.1', '400 malformed request target'],
  ['OPTIONS * HTTP/1.1', '400 malformed request target'],
  ['GET v1/x HTTP/1.1', '400 malformed request target'],
  ['CONNECT x:80 HTTP/1.1', '405 unsupported operation'],
  ['list /v1/x HTTP/1.1', '405 unsupported operation'],
  ['FOO /v1/x HTTP/1.1', '405 unsupported operation'],
  ['GET /a b HTTP/1.1', '400 malformed request line'],
  ['GET  /a HTTP/1.1', '400 malformed request line'],
  ['GET /a HTTP/2.0', '400 malformed request line'],
  ['GET /a', '400 malformed request line'],
  ['G@T /a HTTP/1.1', '400 malformed request line'],
  ['GET /a\x00b HTTP/1.1', '400 malformed request line'],
])('%s is refused and nobody sees it', async (line, refusal) => {
  expect(await ask(line)).toBe(refusal);
  expect(seen).toEqual([]);
});

test.each([
  ['both lengths', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', '400 both Content-Length and Transfer-Encoding'],
  ['two lengths, even equal ones', 'Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc', '400 malformed Content-Length'],
  ['a list of lengths', 'Content-Length: 3, 3\r\n\r\nabc', '400 malformed Content-Length'],
  ['a signed length', 'Content-Length: +3\r\n\r\nabc', '400 malformed Content-Length'],
  ['an empty length', 'Content-Length: \r\n\r\nabc', '400 malformed Content-Length'],
  ['another coding', 'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', '400 unsupported transfer encoding'],
  ['chunked twice', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', '400 unsupported transfer encoding'],
  ['a coding in disguise', 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n', '400 malformed header'],
  ['a folded header', 'X: a\r\n b\r\n\r\n', '400 malformed header'],
  ['a header without a colon', 'X\r\n\r\n', '400 malformed header'],
  ['a control character', 'X: a\x00b\r\n\r\n', '400 malformed header'],
  ['a carriage return alone', 'X: a\rY: b\r\n\r\n', '400 malformed header'],
  ['a line feed alone', 'X: a\nY: b\r\n\r\n', '400 lines must end with CR LF'],
  ['a second Host', 'Host: y\r\n\r\n', '400 exactly one Host header is needed'],
  ['a chunk without a size', 'Transfer-Encoding: chunked\r\n\r\nxyz\r\n', '400 malformed chunk'],
  ['a negative chunk', 'Transfer-Encoding: chunked\r\n\r\n-1\r\n', '400 malformed chunk'],
  ['a hexadecimal prefix', 'Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n', '400 malformed chunk'],
  ['a chunk longer than it says', 'Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n', '400 malformed chunk'],
  ['a huge chunk size', 'Transfer-Encoding: chunked\r\n\r\n100000000000000001\r\n', '400 malformed chunk'],
  ['a malformed trailer', 'Transfer-Encoding: chunked\r\n\r\n0\r\n x\r\n\r\n', '400 malformed header'],
  ['another expectation', 'Expect: 200-ok\r\n\r\n', '417 unknown expectation'],
])('%s is refused, and nothing behind it is taken for a request', async (_, rest, refusal) => {
  using wire = await Wire.open(front.port);
  await wire.send(`POST /a HTTP/1.1\r\n${HOST}${rest}GET /smuggled HTTP/1.1\r\n${HOST}\r\n`);
  const answer = await wire.answer();
  expect([show(answer), answer.headers.get('connection')]).toEqual([refusal, 'close']);
  wire.end();
  expect(await wire.rest()).toBe('');
  expect(seen).toEqual([]);
});

test('a request without Host is refused, except in HTTP/1.0', async () => {
  using modern = await Wire.open(front.port);
  await modern.send('GET /a HTTP/1.1\r\n\r\n');
  expect(show(await modern.answer())).toBe('400 exactly one Host header is needed');
  using old = await Wire.open(front.port);
  await old.send('GET /a HTTP/1.0\r\n\r\n');
  expect(show(await old.answer())).toBe('GET /a');
  expect(await old.rest()).toBe('');
});

test('one connection takes LIST, SCAN and other requests one after the other', async () => {
  using wire = await Wire.open(front.port);
  for (const [line, carried] of [
    ['LIST /a', 'GET /a?list=true'],
    ['GET /b', 'GET /b'],
    ['SCAN /c', 'GET /c?scan=true'],
    ['LIST /d', 'GET /d?list=true'],
  ]) {
    await wire.send(`${line} HTTP/1.1\r\n${HOST}\r\n`);
    const answer = await wire.answer();
    expect([answer.body, answer.headers.get('connection')]).toEqual([carried, 'keep-alive']);
  }
});

test('pipelined requests are answered in order, one at a time, however slow one is', async () => {
  let running = 0;
  const gates: (() => void)[] = [];
  handler = async (request) => {
    expect(++running).toBe(1);
    await new Promise<void>((resolve) => gates.push(resolve));
    running--;
    return echo(request);
  };
  using wire = await Wire.open(front.port);
  await wire.send(['LIST /1', 'POST /2', 'GET /3'].map((line) => `${line} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nab`).join(''));
  const bodies: string[] = [];
  while (bodies.length < 3) {
    while (gates.length === 0) await new Promise(setImmediate);
    gates.shift()?.();
    bodies.push((await wire.answer()).body);
  }
  expect(bodies).toEqual(['GET /1?list=true ab', 'POST /2 ab', 'GET /3 ab']);
});

test('a request is understood wherever the network cuts it', async () => {
  const requests =
    `\r\nLIST /a?b HTTP/1.1\r\n${HOST}\r\nPOST /c HTTP/1.1\r\n${HOST}Transfer-Encoding: Chunked\r\n\r\n` +
    `3;ext="x"\r\nabc\r\n0A \r\n0123456789\r\n0\r\nTrailer: yes\r\n\r\nPUT /d HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nwxyz`;
  for (const size of [1, 2, 3, 7, requests.length]) {
    using wire = await Wire.open(front.port);
    for (let at = 0; at < requests.length; at += size) await wire.send(requests.slice(at, at + size));
    const bodies = [await wire.answer(), await wire.answer(), await wire.answer()].map(({ body }) => body);
    expect(bodies).toEqual(['GET /a?b&list=true', 'POST /c abc0123456789', 'PUT /d wxyz']);
  }
});

test('headers arrive in lower case, repeated ones all, without those of the connection and without trailers', async () => {
  using wire = await Wire.open(front.port);
  await wire.send(
    `POST /a HTTP/1.1\r\nHost: h\r\nX-Vault-Token:  t \r\nx-two: 1\r\nX-Two: 2\r\nConnection: keep-alive\r\nMF-Original-URL: /\r\n` +
      'Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n0\r\nx-vault-token: forged\r\n\r\n',
  );
  await wire.answer();
  expect(seen[0]?.headers).toEqual([
    ['host', 'h'],
    ['x-vault-token', 't'],
    ['x-two', '1'],
    ['x-two', '2'],
  ]);
});

test('a client that asks to be told to continue is told, once its headers are known to be good', async () => {
  using wire = await Wire.open(front.port);
  await wire.send(`POST /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`);
  expect((await wire.answer()).status).toBe(100);
  await wire.send('ab');
  expect((await wire.answer()).body).toBe('POST /a ab');
  await wire.send(`POST /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n`);
  expect(show(await wire.answer())).toBe('413 request body too large');
});

test('a body is bounded by what it announces, and in chunks by what has come', async () => {
  expect(await ask('POST /a HTTP/1.1', 'x'.repeat(1000))).toHaveLength(1008);
  expect(await ask('POST /a HTTP/1.1', 'x'.repeat(1001))).toBe('413 request body too large');
  const chunk = `200\r\n${'x'.repeat(512)}\r\n`;
  using wire = await Wire.open(front.port);
  await wire.send(`POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`);
  expect(show(await wire.answer())).toBe('413 request body too large');
});

test('a client that sends far more than it may still gets its answer', async () => {
  expect(await ask('POST /a HTTP/1.1', 'x'.repeat(8_000_000))).toBe('413 request body too large');
});

test('a head is bounded: one header, many, or a request line that never ends', async () => {
  for (const head of [`X: ${'x'.repeat(2000)}`, 'X: 1\r\n'.repeat(400)]) {
    using wire = await Wire.open(front.port);
    await wire.send(`GET / HTTP/1.1\r\n${head}`);
    expect(show(await wire.answer())).toBe('431 request header is too large');
  }
  using wire = await Wire.open(front.port);
  await wire.send('G'.repeat(3000));
  expect(show(await wire.answer())).toBe('431 request header is too large');
});

test('answers to HEAD and 204 have no body, and the connection goes on', async () => {
  using wire = await Wire.open(front.port);
  await wire.send(`HEAD /a HTTP/1.1\r\n${HOST}\r\n`);
  expect((await wire.answer(true)).headers.get('content-length')).toBe('7');
  handler = async () => ({ status: 204, headers: [], body: Buffer.from('lost') });
  await wire.send(`PUT /b HTTP/1.1\r\n${HOST}\r\n`);
  expect((await wire.answer()).headers.has('content-length')).toBe(false);
  handler = echo;
  await wire.send(`GET /c HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  expect((await wire.answer()).headers.get('connection')).toBe('close');
  expect(await wire.rest()).toBe('');
});

test('an error of the handler is a 500 that tells nothing', async () => {
  handler = () => Promise.reject(new Error('the secret'));
  expect(await ask('GET /a HTTP/1.1')).toBe('500 internal error');
});

test('a client that has finished sending still gets its answers', async () => {
  using wire = await Wire.open(front.port);
  await wire.send(`GET /a HTTP/1.1\r\n${HOST}\r\nGET /b HTTP/1.1\r\n${HOST}\r\n`);
  wire.end();
  expect([(await wire.answer()).body, (await wire.answer()).body]).toEqual(['GET /a', 'GET /b']);
  expect(await wire.rest()).toBe('');
});

test('a request cut off by its sender is refused, and not handled', async () => {
  using wire = await Wire.open(front.port);
  await wire.send(`POST /a HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`);
  wire.end();
  expect(show(await wire.answer())).toBe('400 the request ended too early');
  expect(seen).toEqual([]);
});

test('close answers what is under way, drops idle connections and takes no more', async () => {
  let open = (): void => undefined;
  const entered = new Promise<void>((inside) => {
    handler = async (request) => {
      inside();
      await new Promise<void>((resolve) => (open = resolve));
      return echo(request);
    };
  });
  using idle = await Wire.open(front.port);
  using busy = await Wire.open(front.port);
  await busy.send(`GET /a HTTP/1.1\r\n${HOST}\r\nGET /b HTTP/1.1\r\n${HOST}\r\n`);
  await entered;
  const closed = front.close();
  expect(await idle.rest()).toBe('');
  open();
  const answer = await busy.answer();
  expect([answer.body, answer.headers.get('connection')]).toEqual(['GET /a', 'close']);
  expect(await busy.rest()).toBe('');
  await closed;
  await expect(Wire.open(front.port)).rejects.toThrow('ECONNREFUSED');
});

test('a port in use is the error of the system', async () => {
  await expect(openFront({ host: '127.0.0.1', port: front.port, handler })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('a body that is not looked at is not read, whatever its length, and the connection ends with the answer', async () => {
  const picky = await openFront({
    host: '127.0.0.1',
    port: 0,
    handler: (request) => handler(request),
    needsBody: ({ method, headers }) => method === 'POST' && headers.some(([name]) => name === 'x-vault-token'),
    maxBodyBytes: 1000,
  });
  try {
    using wire = await Wire.open(picky.port);
    await wire.send(`POST /a HTTP/1.1\r\n${HOST}Content-Length: 999999\r\n\r\n${'x'.repeat(5000)}`);
    const { status, headers, body } = await wire.answer();
    expect([status, headers.get('connection'), body]).toEqual([200, 'close', 'POST /a']);
    using other = await Wire.open(picky.port);
    await other.send(`POST /a HTTP/1.1\r\n${HOST}X-Vault-Token: t\r\nContent-Length: 999999\r\n\r\n`);
    expect((await other.answer()).status).toBe(413);
    expect(seen.map((request) => request.body.length)).toEqual([0]);
  } finally {
    await picky.close();
  }
});
