import { closeSync, openSync, writeSync } from 'node:fs';
import { InputError } from '../core/errors.ts';
import { LabEvent } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import { RecordFold } from './fold.ts';
import { portability } from './portable.ts';

/**
 * A log of events: one JSON object a line (NDJSON), in the order in which they happened, without a path of this machine. Each
 * line is complete when `take` returns, so that a reader may follow the file.
 */
export class EventLog implements Disposable {
  readonly #fd: number;
  #portable: <T>(value: T) => T;

  /** Replaces the file. Throws InputError when it cannot be written. */
  constructor(file: string) {
    try {
      this.#fd = openSync(file, 'w');
    } catch (cause) {
      throw new InputError(
        { what: 'cannot write the log of events', where: `--events ${file}`, expected: 'a file in a folder' },
        { cause },
      );
    }
    this.#portable = portability(file);
  }

  take(event: LabEvent): void {
    if (event.type === 'run.start') this.#portable = portability(event.dir);
    writeSync(this.#fd, `${JSON.stringify(this.#portable(event))}\n`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function parseLine(line: string, where: string): LabEvent {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new InputError({ what: (cause as Error).message, where, expected: 'an event as JSON' }, { cause });
  }
  const { success, data, error } = LabEvent.safeParse(value);
  if (success) return data;
  throw new InputError(
    error.issues.map(({ message, path }) => ({ what: `${path.join('.')}: ${message}`, where })),
  );
}

/** The record that a log of events gives. Throws InputError with the line for text that is no event, and for a log without a run. */
export function replay(text: string, file: string): RunRecord {
  const fold = new RecordFold();
  const lines = text.split('\n');
  // A lab that was killed may have left half a line.
  lines.pop();
  for (const [index, line] of lines.entries()) fold.take(parseLine(line, `${file}:${index + 1}`));
  const { record } = fold;
  if (record) return record;
  throw new InputError({ what: 'no run begins in this log', where: file, expected: 'an event run.start' });
}
