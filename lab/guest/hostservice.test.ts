/** Guests that flood the host channel, over real sockets. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import t, { type Test } from 'tap';
import type { ConsoleLog } from './console.ts';
import { hostVerbs, limitConnections, serveConnection } from './hostservice.ts';
import type { Qmp } from './qmp.ts';
import type { Qtest } from './qtest.ts';

const MIB = 1 << 20;
const text = 'x'.repeat(4 * MIB);
let reads = 0;
const console = {
  size: text.length,
  text: () => {
    reads++;
    return text;
  },
} as Partial<ConsoleLog> as ConsoleLog;
const layout = { subsystems: [], controllers: [], namespaces: [] };
const verbs = hostVerbs({ qmp: {} as Qmp, qtest: {} as Qtest, layout, console });
const request = (id: number, verb: string) => `{"id": ${id}, "verb": "${verb}", "args": {}}\n`;

/** Resolves when a stream is closed, with or without an error before. */
const closeOf = (stream: Duplex) => new Promise((resolve) => void stream.once('close', resolve));

/** A served connection: the guest's end, and the lab's. */
async function serve(t: Test): Promise<{ guest: Socket; lab: Socket }> {
  const server = createServer(limitConnections((stream) => serveConnection(stream, verbs), 2));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const accepted = once(server, 'connection');
  const guest = connect((server.address() as AddressInfo).port, '127.0.0.1');
  guest.on('error', () => {});
  t.teardown(() => guest.destroy());
  const [lab] = await accepted;
  return { guest, lab };
}

t.test('a guest that reads no reply costs one reply of memory, however many requests it sends', async (t) => {
  const { guest, lab } = await serve(t);
  const before = process.memoryUsage().rss;
  reads = 0;
  guest.pause();
  // Sent one by one: the lab takes each before the next comes, as long as it takes any.
  for (let id = 0; id < 400; id++) {
    guest.write(request(id, 'console'));
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(reads <= 4, `number of replies that were made: ${reads}`);
  t.ok(lab.writableLength < 16 * MIB, `bytes that wait to be sent: ${lab.writableLength}`);
  const grown = process.memoryUsage().rss - before;
  t.ok(grown < 128 * MIB, `resident memory grew by ${Math.round(grown / MIB)} MiB`);
  guest.destroy();
  if (!lab.closed) await closeOf(lab);
});

t.test('a guest that never reads is served again once it reads', async (t) => {
  const { guest } = await serve(t);
  guest.pause();
  guest.write(request(1, 'console') + request(2, 'ping'));
  let answer = '';
  guest.setEncoding('utf8').on('data', (part: string) => {
    answer = (answer + part).slice(-200);
    if (answer.includes('"id":2')) guest.end();
  });
  await once(guest.resume(), 'end');
  t.match(answer, /"id":2,"ok":true/);
});

t.test('a connection is closed when requests flood it, and when a line never ends', async (t) => {
  const flood = await serve(t);
  const many = Array.from({ length: 20_000 }, (_, id) => request(id, 'ping')).join('');
  flood.guest.resume().write(many);
  await closeOf(flood.guest);
  const endless = await serve(t);
  endless.guest.resume().write('z'.repeat(10 * MIB));
  await closeOf(endless.guest);
  t.pass('both were closed');
});

t.test('connections beyond the limit are closed, and a closed connection makes room', async (t) => {
  const serveLimited = limitConnections(async () => {}, 2);
  const open = () => {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    serveLimited(stream);
    return stream;
  };
  const [first, second, third] = [open(), open(), open()];
  t.same(
    [first, second, third].map(({ destroyed }) => destroyed),
    [false, false, true],
    'closed',
  );
  await closeOf(first.destroy());
  t.notOk(open().destroyed, 'the next connection is closed');
});
