/** `report --submit` against a server of this machine. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Format } from '../../reports/index.ts';
import { cell, record } from '../compare/testing/records.ts';
import { submit } from './submit.ts';
import { ringlab as command } from './testing/ringlab.ts';

const dir = t.testdir({ sound: {} });
writeFileSync(
  join(dir, 'sound/run.json'),
  JSON.stringify(record([cell('base', { a: 'fail' }), cell('patched', { a: 'pass' })])),
);
mkdirSync(join(dir, 'cache'));
const report = (args: string[], token?: string) =>
  command(['report', 'sound', ...args], {
    env: { RINGLAB_CACHE: join(dir, 'cache'), NO_COLOR: '1', RINGLAB_TOKEN: token ?? '' },
    cwd: dir,
  });

interface Seen {
  authorization: string | undefined;
  body: string;
}

/** A server on the loopback interface that answers each request with `answer`, and what it saw. */
async function serve(t: Test, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      seen.push({ authorization: request.headers.authorization, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/submit`, seen, server };
}
const reply =
  (status: number, text = '', headers = {}) =>
  (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, headers).end(text);

t.test('a KCIDB report arrives with its token, and the answer is shown', async (t) => {
  const { url, seen } = await serve(t, reply(200, '{"id":"42"}\u001b[2J'));
  const { code, stdout, stderr } = await report(['--format', 'kcidb', '--submit', url], 'secret');
  t.equal(code, 0, stderr);
  t.equal(stdout, 'submitted: HTTP 200: {"id":"42"}\\x1b[2J\n');
  t.equal(seen[0]?.authorization, 'Bearer secret', 'authorization');
  t.match(JSON.parse(seen[0]?.body ?? ''), { version: { major: 5 }, tests: Array });
});

t.test('the checks of patchwork are posted one by one', async (t) => {
  const { url, seen } = await serve(t, reply(201, '{}'));
  const { code, stderr } = await report(['--format', 'patchwork', '--submit', `${url}/`], 'abc');
  t.equal(code, 0, stderr);
  t.same(
    seen.map(({ authorization, body }) => [authorization, JSON.parse(body).context]),
    [
      ['Token abc', 'ringlab'],
      ['Token abc', 'ringlab-plain_passthrough'],
    ],
  );
});

/** Submits an empty trace in this process. */
const send = (url: string, token: string | undefined, format: Format = 'otlp') =>
  submit(new URL(url), { format, text: '{}', token }, new AbortController().signal);

t.test('a refusal is worded, with whose fault it is', async (t) => {
  const cases: [ReturnType<typeof reply>, string | undefined, number, RegExp][] = [
    [reply(401), undefined, 2, /the server asks for a token \(HTTP 401\)[\s\S]*fix: set RINGLAB_TOKEN/],
    [reply(403, 'expired'), 'secret', 2, /refuses the token of RINGLAB_TOKEN \(HTTP 403\): expired/],
    [reply(404), undefined, 2, /nothing takes reports there \(HTTP 404\)/],
    [reply(302, '', { location: 'https://x.org/' }), 'secret', 2, /redirects to https:\/\/x\.org\//],
    [reply(413), undefined, 3, /too long for the server/],
    [reply(422, 'bad "id"\u001b[2J'), undefined, 3, /refuses the report \(HTTP 422\): bad "id"\\x1b\[2J/],
    [reply(503, 'busy'), undefined, 3, /cannot take the report now \(HTTP 503\): busy/],
    [(request) => void request.socket.destroy(), undefined, 3, /the server cannot be reached: /],
  ];
  for (const [answer, token, exitCode, message] of cases) {
    const { url } = await serve(t, answer);
    await t.rejects(send(url, token), { exitCode, message }, String(message));
  }
});

t.test('an answer without an end is cut off', async (t) => {
  const { url } = await serve(t, (_, response) => {
    response.writeHead(200);
    const more = () => {
      while (response.write('x'.repeat(16_384)));
    };
    response.on('drain', more);
    more();
  });
  t.match(await send(url, undefined), /^HTTP 200: x+\.\.\.$/);
});

t.test('an interruption ends a submission that gets no answer', async (t) => {
  const interruption = new AbortController();
  const { url } = await serve(t, () => interruption.abort(new Error('interrupted')));
  const sent = submit(new URL(url), { format: 'otlp', text: '{}', token: undefined }, interruption.signal);
  await t.rejects(sent, { message: 'interrupted' });
});

t.test('an address, format or token that cannot be right is refused before anything is sent', async (t) => {
  const { url, seen } = await serve(t, reply(200));
  const cases: [string, string | undefined, Format, RegExp][] = [
    [url, undefined, 'text', /no service takes the format text[\s\S]*kcidb, patchwork, otlp/],
    ['http://example.org/submit', 'a', 'kcidb', /sent unencrypted/],
    [url, 'a b', 'kcidb', /characters that no token has/],
    [url.replace('//', '//user:pass@'), undefined, 'kcidb', /has a user or password/],
  ];
  for (const [address, token, format, message] of cases)
    await t.rejects(send(address, token, format), { exitCode: 2, message }, String(message));
  t.same(seen, [], 'requests');
});
