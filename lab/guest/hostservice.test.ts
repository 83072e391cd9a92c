/** Guests that flood the host channel, over real sockets. */
import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import t, { type Test } from 'tap';
import type { ConsoleLog } from './console.ts';
import { encodeReply } from './hostreply.ts';
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
/** A console of control characters, of which JSON makes six times as much. */
const escapes = '\u0001'.repeat(4 * MIB);
const layout = { ports: [], subsystems: [], controllers: [], namespaces: [] };
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

/** Verbs over a console that counts how often it is read. */
function verbsOver(text: string) {
  const count = { reads: 0 };
  const read = () => {
    count.reads++;
    return text;
  };
  const log = { size: text.length, text: read } as Partial<ConsoleLog> as ConsoleLog;
  return { count, verbs: hostVerbs({ qmp: {} as Qmp, qtest: {} as Qtest, layout, console: log }) };
}

/** The lab's end of a connection: what is sent to the guest stays untaken until `taken` is emitted. */
function openConnection() {
  const takes = new EventEmitter();
  const sent: Buffer[] = [];
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(chunk);
      takes.once('taken', () => done());
    },
  });
  return { stream, sent, take: () => takes.emit('taken') };
}

/** Lets everything run that waits for no event from outside. */
const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
};

t.test(
  'connections that read no reply keep less than 32 MiB in the lab, however many there are',
  async (t) => {
    const { verbs, count } = verbsOver(escapes);
    const accept = limitConnections((stream) => serveConnection(stream, verbs));
    const connections = Array.from({ length: 64 }, openConnection);
    for (const { stream } of connections) {
      accept(stream);
      stream.push(request(1, 'console'));
    }
    await settle();
    const queued = connections.reduce((sum, { stream }) => sum + stream.writableLength, 0);
    t.ok(queued < 32 * MIB, `bytes that wait to be sent: ${queued}`);
    t.equal(count.reads, 1, 'consoles that were read');
    for (const { take } of connections.slice(0, 3)) {
      take();
      await settle();
    }
    t.equal(count.reads, 4, 'consoles that were read when three replies have been taken');
  },
);

t.test('a reply of control characters has the end of the console, in 8 MiB', async (t) => {
  const { verbs } = verbsOver(`${escapes}the end`);
  const { stream, sent } = openConnection();
  void serveConnection(stream, verbs);
  stream.push(request(3, 'console'));
  await settle();
  const line = Buffer.concat(sent);
  t.ok(line.length > 7 * MIB && line.length < 8 * MIB + 100, `bytes of the reply: ${line.length}`);
  t.match(JSON.parse(line.toString()), { id: 3, ok: true, text: /^\u0001+the end$/ });
});

t.test('a reply has all of 4 MiB of lines, quotes and letters of other scripts', async (t) => {
  const lines = 'a "line" \\ of caf\u00e9 \u4e2d \ufffd \ud83d\ude00\r\n'.repeat(MIB / 8);
  const { text } = JSON.parse(encodeReply({ id: 1, ok: true, text: lines }).toString());
  t.ok(text === lines, `characters of the reply: ${text.length}, of the console: ${lines.length}`);
});

t.test('a connection that is lost before it took its reply lets the others have theirs', async (t) => {
  const { verbs } = verbsOver('short');
  const [lost, next] = [openConnection(), openConnection()];
  for (const { stream } of [lost, next]) {
    void serveConnection(stream, verbs);
    stream.push(request(1, 'console'));
    await settle();
  }
  t.equal(next.sent.length, 0, 'replies while the first is not taken');
  lost.stream.destroy();
  await settle();
  t.equal(next.sent.length, 1, 'replies after that');
});

t.test('the next console waits until what was sent has left the lab', async (t) => {
  const { verbs, count } = verbsOver('short');
  const left = new EventEmitter();
  const { stream, take } = openConnection();
  void serveConnection(stream, verbs, async () => void (await once(left, 'it')));
  stream.push(request(1, 'console') + request(2, 'console'));
  await settle();
  take();
  await settle();
  t.equal(count.reads, 1, 'consoles that were read before');
  left.emit('it');
  await settle();
  t.equal(count.reads, 2, 'consoles that were read after');
});

t.test('a closed connection counts as open until its request is carried out', async (t) => {
  const { verbs } = verbsOver('short');
  const accept = limitConnections((stream) => serveConnection(stream, verbs), 2);
  const [holder, waiting, third] = [openConnection(), openConnection(), openConnection()];
  for (const { stream } of [holder, waiting]) {
    accept(stream);
    stream.push(request(1, 'console'));
  }
  await settle();
  await closeOf(waiting.stream.destroy());
  accept(third.stream);
  t.ok(third.stream.destroyed, 'a third connection is closed while a request of the second waits');
  holder.take();
  await settle();
  const fourth = openConnection();
  accept(fourth.stream);
  t.notOk(fourth.stream.destroyed, 'a fourth connection is closed after that');
});
