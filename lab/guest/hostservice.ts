import type { Duplex } from 'node:stream';
import { errorText, InputError } from '../core/errors.ts';
import { check } from '../model/parse.ts';
import { type HostReply, HostRequest } from '../model/protocol.ts';
import type { ConsoleLog } from './console.ts';
import { replug, unplug } from './hotplug.ts';
import type { Layout } from './layout.ts';
import type { Qmp } from './qmp.ts';
import type { Qtest } from './qtest.ts';

const LINE_LIMIT = 64 << 10;
/** More console than this since the mark: its end is what a test looks at. */
const TEXT_LIMIT = 4 << 20;

/** What the verbs work on. */
export interface HostTools {
  qmp: Qmp;
  qtest: Qtest;
  layout: Layout;
  console: ConsoleLog;
}

type Args = HostRequest['args'];
type Verb = (args: Args) => Promise<string | undefined> | string | undefined;

/** The one of `list` that an argument names. */
function named<T>(list: readonly T[], nameOf: (item: T) => string, args: Args, key: string): T {
  const found = list.find((item) => nameOf(item) === args[key]);
  if (found) return found;
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

/** The verbs of the protocol (lab/model/protocol.ts) for one guest. */
export function verbs({ qmp, qtest, layout, console }: HostTools): Record<HostRequest['verb'], Verb> {
  let mark = 0;
  const controller = (args: Args) => named(layout.controllers, ({ name }) => name, args, 'serial');
  const nothing = () => undefined;
  return {
    hello: nothing,
    unplug: (args) => unplug(qmp, qtest, controller(args), args.abrupt === true).then(nothing),
    replug: (args) => replug(qmp, qtest, controller(args)).then(nothing),
    throttle: (args) => {
      const { drive } = named(layout.namespaces, (place) => place.drive, args, 'drive');
      return throttle(qmp, drive, iopsOf(args)).then(nothing);
    },
    mark: () => {
      mark = console.size;
      return undefined;
    },
    console: () => console.text(Math.max(mark, console.size - TEXT_LIMIT)),
  };
}

/** Answers one line; whatever is wrong with it or with the deed is in the reply, never thrown. */
export async function answer(table: ReturnType<typeof verbs>, line: string): Promise<HostReply> {
  let id = 0;
  try {
    const value: unknown = JSON.parse(line);
    const claimed = (value as { id?: unknown } | null)?.id;
    if (typeof claimed === 'number' && Number.isInteger(claimed)) id = claimed;
    const request = check(HostRequest, value, 'help request');
    const text = await table[request.verb](request.args);
    return { id, ok: true, ...(text === undefined ? {} : { text }) };
  } catch (error) {
    return { id, ok: false, error: errorText(error) };
  }
}

/** Serves one connection: requests are done one after the other, each is replied to. */
export function serve(stream: Duplex, table: ReturnType<typeof verbs>): void {
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
        const reply = await answer(table, line);
        if (stream.writable) stream.write(`${JSON.stringify(reply)}\n`);
      });
    }
  });
  stream.on('end', () => void queue.then(() => stream.end()));
}
