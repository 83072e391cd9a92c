import type { EventOf, LabEvent } from '../../model/event.ts';
import { programOf } from '../../model/result.ts';
import { allOf, type Counts, NO_TESTS, plusTest } from './counts.ts';

/** A cell that runs. */
export interface RunningCell {
  /** As in events: `debian-6.12/plain/passthrough`. */
  name: string;
  planned: EventOf<'cells.planned'>['cells'][number];
  startedMs: number;
  /** `prepare`: QEMU has not started; `boot`: the guest is not ready; `test`: the suite works. */
  phase: 'prepare' | 'boot' | 'test';
  counts: Counts;
  /** Names of tests that the suite is going to run, in its order. */
  announced: readonly string[];
  /** Position in `announced` after the announced test that ended last. */
  position: number;
  /** The test that ended last. */
  last?: string;
}

/** A cell at its start. */
export function startedCell({ cell, spec }: EventOf<'cell.start'>, at: number): RunningCell {
  const { kernel, profile, suite, repeat, shard } = spec;
  const place = { kernel: kernel.id, profile: profile.name, suite: suite.name, repeat };
  return {
    planned: shard === undefined ? place : { ...place, shard },
    ...{ name: cell, startedMs: at },
    ...{ phase: 'prepare', counts: NO_TESTS, announced: [], position: 0 },
  };
}

/**
 * Tests run in announced order, so that the search usually ends at once; a name may be announced once only. A subtest is of the program that
 * was announced, which goes on.
 */
function positionAfter({ announced, position }: RunningCell, test: string): number {
  const ahead = announced.indexOf(test, position);
  if (ahead >= 0) return ahead + 1;
  return Math.max(position, announced.indexOf(programOf(test), position));
}

/** How many of its tests a cell has behind it: of the announced ones, whose subtests do not count, else of all. */
export const doneTests = ({ announced, position, counts }: RunningCell): number =>
  announced.length > 0 ? position : allOf(counts);

/** The name of the running cell that an event is about; undefined for events about anything else. */
export function cellOf(event: LabEvent): string | undefined {
  if (event.type === 'guest.start' || event.type === 'guest.ready') return event.guest;
  return event.type === 'tests.announced' || event.type === 'test.end' ? event.cell : undefined;
}

/** A running cell after an event about it. */
export function nextCell(cell: RunningCell, event: LabEvent): RunningCell {
  switch (event.type) {
    case 'guest.start':
      return { ...cell, phase: 'boot' };
    case 'guest.ready':
      return { ...cell, phase: 'test' };
    case 'tests.announced':
      return { ...cell, announced: [...cell.announced, ...event.tests] };
    case 'test.end': {
      const { name } = event.test;
      const counts = plusTest(cell.counts, event.test);
      return { ...cell, counts, position: positionAfter(cell, name), last: name };
    }
    default:
      return cell;
  }
}

/**
 * The test that runs: the announced test after the one that ended last. Without announcements, or after the last of them, nothing is
 * known of it.
 */
export const currentTest = ({ announced, position }: RunningCell): string | undefined => announced[position];
