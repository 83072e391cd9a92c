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
/** Most console text in a reply, bytes: the end of what came since the mark. */
const TEXT_LIMIT = 4 << 20;

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
    return { id, ok: false, error: errorText(error) };
  }
}

/** Serves one connection: carries out its requests one after another and replies to each. */
export function serveConnection(stream: Duplex, verbs: HostVerbs): void {
  let partial = '';
  let queue = Promise.resolve();
  stream.setEncoding('utf8');
  stream.on('error', () => stream.destroy());
  stream.on('data', (text: string) => {
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    if (partial.length > LINE_LIMIT) return void stream.destroy();
    for (const line of lines.filter((each) => each.trim() !== '')) {
      queue = queue.then(async () => {
        const reply = await answer(verbs, line);
        if (stream.writable) stream.write(`${JSON.stringify(reply)}\n`);
      });
    }
  });
  stream.on('end', () => void queue.then(() => stream.end()));
}
