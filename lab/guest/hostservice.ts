import type { Duplex } from 'node:stream';
import { errorText, InputError } from '../core/errors.ts';
import { check } from '../model/parse.ts';
import { type HostReply, HostRequest } from '../model/protocol.ts';
import type { ConsoleLog } from './console.ts';
import { replug, unplug } from './hotplug.ts';
import type { Layout } from './layout.ts';
import type { Qmp } from './qmp.ts';
import type { Qtest } from './qtest.ts';

/** Longest request line, characters. */
const LINE_LIMIT = 64 << 10;
/** Most requests that wait for their turn: a suite sends the next one when it has the reply. */
const WAITING_LIMIT = 64;
/** Most connections at the same time: a suite has one, and its peer processes one each. */
const CONNECTION_LIMIT = 64;
/** Most console text in a reply, bytes: the end of what came since the mark. */
const TEXT_LIMIT = 4 << 20;

/** Longest error in a reply, characters: it may quote the request. */
const ERROR_LIMIT = 8 << 10;

/** The parts of one guest that the verbs work on. */
interface HostTools {
  qmp: Qmp;
  qtest: Qtest;
  layout: Layout;
  console: ConsoleLog;
}

type Args = HostRequest['args'];
/** Carries out a request; returns the text of the reply, if it has one. Throws what the reply reports as its error. */
type Verb = (args: Args) => Promise<string | undefined> | string | undefined;
/** The verbs of the host protocol (lab/model/protocol.ts) for one guest. */
type HostVerbs = Record<HostRequest['verb'], Verb>;

/** The item of `list` that argument `key` names. */
function lookUp<T>(list: readonly T[], nameOf: (item: T) => string, args: Args, key: string): T {
  const item = list.find((candidate) => nameOf(candidate) === args[key]);
  if (item) return item;
  const expected = `one of ${list.map(nameOf).join(', ') || '(none in this guest)'}`;
  throw new InputError({ what: `${key}: ${args[key] ?? 'missing'}`, expected });
}

function iopsOf({ iops }: Args): number {
  if (typeof iops === 'number' && Number.isInteger(iops) && iops >= 0) return iops;
  throw new InputError({ what: `iops: ${iops ?? 'missing'}`, expected: 'a whole number, 0 for no limit' });
}

function throttle(qmp: Qmp, device: string, iops: number): Promise<unknown> {
  const unlimited = { bps: 0, bps_rd: 0, bps_wr: 0, iops_rd: 0, iops_wr: 0 };
  return qmp.execute('block_set_io_throttle', { device, ...unlimited, iops });
}

/** The verbs of the host channel for one guest. */
export function hostVerbs({ qmp, qtest, layout, console }: HostTools): HostVerbs {
  let mark = 0;
  const controller = (args: Args) => lookUp(layout.controllers, ({ name }) => name, args, 'serial');
  const noText = () => undefined;
  return {
    ping: noText,
    unplug: (args) => unplug(qmp, qtest, controller(args), args.abrupt === true).then(noText),
    replug: (args) => replug(qmp, qtest, controller(args)).then(noText),
    throttle: (args) => {
      const { drive } = lookUp(layout.namespaces, (place) => place.drive, args, 'drive');
      return throttle(qmp, drive, iopsOf(args)).then(noText);
    },
    mark: () => {
      mark = console.size;
      return undefined;
    },
    console: () => console.text(Math.max(mark, console.size - TEXT_LIMIT)),
  };
}

/** Answers one line. Never throws: a malformed request and a verb that fails become the reply's error. */
async function answer(verbs: HostVerbs, line: string): Promise<HostReply> {
  let id = 0;
  try {
    const value: unknown = JSON.parse(line);
    const requestId = (value as { id?: unknown } | null)?.id;
    if (typeof requestId === 'number' && Number.isInteger(requestId)) id = requestId;
    const request = check(HostRequest, value, 'host request');
    const text = await verbs[request.verb](request.args);
    return { id, ok: true, ...(text === undefined ? {} : { text }) };
  } catch (error) {
    return { id, ok: false, error: errorText(error).slice(0, ERROR_LIMIT) };
  }
}

/** Writes a reply and waits until the channel has taken it: a guest that does not read its replies gets no further ones. */
function write(stream: Duplex, reply: HostReply): Promise<void> {
  return new Promise((resolve) => {
    stream.once('close', resolve);
    stream.write(`${JSON.stringify(reply)}\n`, () => {
      stream.off('close', resolve);
      resolve();
    });
  });
}

/** Carries out the requests of a stream one after another. Returns false when the guest floods it. */
async function serveRequests(stream: Duplex, verbs: HostVerbs): Promise<boolean> {
  let partial = '';
  // The stream is read only here, so that its window closes while a reply is not taken.
  for await (const text of stream as AsyncIterable<string>) {
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    const requests = lines.filter((line) => line.trim() !== '');
    const longest = Math.max(partial.length, ...requests.map(({ length }) => length));
    if (longest > LINE_LIMIT || requests.length > WAITING_LIMIT) return false;
    for (const line of requests) {
      const reply = await answer(verbs, line);
      if (!stream.writable) return true;
      await write(stream, reply);
    }
  }
  return true;
}

/**
 * Serves one connection: carries out its requests one after another and replies to each. While a reply is not taken, nothing is
 * read. The connection is closed when a line or the number of requests that wait passes its limit. Never rejects.
 */
export async function serveConnection(stream: Duplex, verbs: HostVerbs): Promise<void> {
  stream.setEncoding('utf8');
  stream.on('error', () => stream.destroy());
  try {
    if (await serveRequests(stream, verbs)) stream.end();
    else stream.destroy();
  } catch {
    // The connection was lost.
    stream.destroy();
  }
}

/** Passes connections to `serve`, and closes those beyond `limit` that are open at the same time. */
export function limitConnections(
  serve: (stream: Duplex) => Promise<void>,
  limit = CONNECTION_LIMIT,
): (stream: Duplex) => void {
  let open = 0;
  return (stream) => {
    if (open >= limit) return void stream.on('error', () => {}).destroy();
    open++;
    stream.once('close', () => open--);
    void serve(stream);
  };
}
