import type { Duplex } from 'node:stream';
import { errorText, InputError } from '../core/errors.ts';
import { check } from '../model/parse.ts';
import { type HostReply, HostRequest } from '../model/protocol.ts';
import type { ConsoleLog } from './console.ts';
import { encodeReply, Turns, write } from './hostreply.ts';
import { HostRequests } from './hostrequests.ts';
import { replug, unplug } from './hotplug.ts';
import type { Layout } from './layout.ts';
import type { Qmp } from './qmp.ts';
import type { Qtest } from './qtest.ts';

/** Most connections at the same time: a suite has one, and its peer processes one each. */
const CONNECTION_LIMIT = 64;
/** Most console text that is read for a reply, bytes: the end of what came since the mark. */
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
/** What a reply has besides success. `release` is called when it has been taken, or is not sent. */
interface Outcome {
  text?: string;
  release?: () => void;
}
/** Carries out a request. Throws what the reply reports as its error. */
type Verb = (args: Args) => Promise<Outcome> | Outcome;
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

/**
 * The verbs of the host channel for one guest. Of its connections only one at a time has a reply with console text, until the guest
 * has taken it: the replies that a guest does not read take one such text and, for each connection, one error.
 */
export function hostVerbs({ qmp, qtest, layout, console }: HostTools): HostVerbs {
  let mark = 0;
  const turns = new Turns();
  const controller = (args: Args) => lookUp(layout.controllers, ({ name }) => name, args, 'serial');
  const noText = (): Outcome => ({});
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
      return {};
    },
    console: async () => {
      const release = await turns.take();
      try {
        return { text: console.text(Math.max(mark, console.size - TEXT_LIMIT)), release };
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

/** Answers one line. Never throws: a malformed request and a verb that fails become the reply's error. */
async function answer(
  verbs: HostVerbs,
  line: string,
): Promise<{ reply: HostReply; release?: (() => void) | undefined }> {
  let id = 0;
  try {
    const value: unknown = JSON.parse(line);
    const requestId = (value as { id?: unknown } | null)?.id;
    if (typeof requestId === 'number' && Number.isInteger(requestId)) id = requestId;
    const request = check(HostRequest, value, 'host request');
    const { text, release } = await verbs[request.verb](request.args);
    return { reply: { id, ok: true, ...(text === undefined ? {} : { text }) }, release };
  } catch (error) {
    return { reply: { id, ok: false, error: errorText(error).slice(0, ERROR_LIMIT) } };
  }
}

/**
 * Serves one connection: carries out its requests one after another and replies to each. The next request waits until the reply
 * is taken and `flushed` has resolved. A connection whose waiting requests pass their limit is closed. Never rejects.
 */
export async function serveConnection(
  stream: Duplex,
  verbs: HostVerbs,
  flushed: () => Promise<void> = async () => {},
): Promise<void> {
  const requests = new HostRequests(stream);
  for await (const line of requests) {
    const { reply, release } = await answer(verbs, line);
    if (requests.isOpen) await write(stream, encodeReply(reply)).then(flushed);
    release?.();
  }
  if (requests.isOpen) stream.end();
}

/**
 * Passes connections to `serve`, and closes those beyond `limit` that are open at the same time. A closed connection counts until
 * its last request has been carried out.
 */
export function limitConnections(
  serve: (stream: Duplex) => Promise<void>,
  limit = CONNECTION_LIMIT,
): (stream: Duplex) => void {
  let open = 0;
  return (stream) => {
    // Read to no end: what a refused guest goes on sending must not pile up.
    if (open >= limit)
      return void stream
        .on('error', () => {})
        .resume()
        .destroy();
    open++;
    let left = 2;
    const end = () => {
      if (--left === 0) open--;
    };
    stream.once('close', end);
    void serve(stream).then(end);
  };
}
