import { accessSync, closeSync, constants, existsSync, openSync, statSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { asReported, eventsPlace } from '../core/storage.ts';
import { LabEvent } from '../model/event.ts';
import { Note } from '../model/note.ts';
import { check } from '../model/parse.ts';
import type { RunRecord } from '../model/run.ts';
import { RecordFold } from './fold.ts';
import { portability } from './portable.ts';

/** Time until a full pipe is tried again, ms. */
const RETRY_MS = 5;
/** Never notified. */
const PAUSE = new Int32Array(new SharedArrayBuffer(4));

/**
 * Throws InputError when a file that is there cannot be written, or none can be made; nothing is written. A pipe is opened, since its
 * reader waits for that: the descriptor.
 */
function checkWritable(file: string): number | undefined {
  try {
    if (!existsSync(file)) accessSync(dirname(resolve(file)), constants.W_OK | constants.X_OK);
    else if (statSync(file).isFile()) accessSync(file, constants.W_OK);
    else return openSync(file, 'w');
    return undefined;
  } catch (cause) {
    throw new InputError(
      { what: 'cannot write the log of events', where: `--events ${file}`, expected: 'a file in a folder' },
      { cause },
    );
  }
}

/**
 * A log of events: one JSON object a line (NDJSON), in the order in which they happened, without a path of this machine. Each
 * line is complete when `take` returns, so that a reader may follow the file. Before a run starts nothing is written: its request may
 * be wrong, and an earlier log then stays.
 */
export class EventLog implements Disposable {
  readonly #file: string;
  readonly #failed = new AbortController();
  #fd: number | undefined;
  /** Events before the start of the run. */
  #early: LabEvent[] = [];
  #portable: <T>(value: T) => T;

  /** Replaces the file, when a run starts. Throws InputError when it cannot be written. */
  constructor(file: string) {
    this.#file = file;
    this.#fd = checkWritable(file);
    this.#portable = portability(file);
  }

  /** Fires with a LabError when an event cannot be written (a full disk): the log lacks everything from that event on. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Writes an event. Never throws, because events are emitted where an exception is no result of the work: see `failed`. */
  take(event: LabEvent): void {
    if (this.#failed.signal.aborted) return;
    if (event.type === 'run.start') this.#portable = portability(event.dir);
    this.#early.push(event);
    if (this.#fd === undefined && event.type !== 'run.start') return;
    try {
      this.#fd ??= openSync(this.#file, 'w');
      for (const each of this.#early.splice(0))
        this.#write(this.#fd, Buffer.from(`${JSON.stringify(this.#portable(each))}\n`));
    } catch (error) {
      this.#failed.abort(asReported(error, eventsPlace(this.#file)));
    }
  }

  /** Writes all bytes: on a disk that fills up the system takes a part, and fails only at the next call. */
  #write(fd: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) done += this.#writePart(fd, bytes.subarray(done));
  }

  /** Writes some bytes; none into a full pipe that does not block, after a wait for its reader. */
  #writePart(fd: number, bytes: Uint8Array): number {
    try {
      return writeSync(fd, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(PAUSE, 0, 0, RETRY_MS);
      return 0;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** The fields that every event has, in every version of ringlab. */
const Envelope = z.looseObject({ type: z.string(), at: z.number() });

const TYPES = new Set<string>(LabEvent.def.left.options.flatMap(({ shape }) => [...shape.type.values]));
const CODES = new Set<unknown>(Note.options.flatMap(({ shape }) => [...shape.code.values]));

/** True for an event that only a later version of ringlab emits: an unknown type, or a note with an unknown code. */
function isForeign({ type, note }: z.infer<typeof Envelope>): boolean {
  if (type !== 'note') return !TYPES.has(type);
  return typeof note === 'object' && note !== null && 'code' in note && !CODES.has(note.code);
}

/** The event of a line; undefined for one of a type that this version does not know. Throws InputError for any other text. */
function parseLine(line: string, where: string): LabEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new InputError({ what: (cause as Error).message, where, expected: 'an event as JSON' }, { cause });
  }
  if (isForeign(check(Envelope, value, where))) return undefined;
  return check(LabEvent, value, where);
}

/**
 * The record that a log of events gives. Events of unknown types are skipped, so that a log of a later version can be read.
 * Throws InputError with the line for text that is not an event, and for a log in which no run starts.
 */
export function replay(text: string, file: string): RunRecord {
  const fold = new RecordFold();
  const lines = text.split('\n');
  // A lab that was killed may have left half a line.
  lines.pop();
  for (const [index, line] of lines.entries()) {
    const event = parseLine(line, `${file}:${index + 1}`);
    if (event) fold.take(event);
  }
  const { record } = fold;
  if (record) return record;
  throw new InputError({ what: 'no run begins in this log', where: file, expected: 'an event run.start' });
}
