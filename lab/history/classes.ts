import type { HistoryClass } from '../model/history.ts';
import type { Outcome } from './outcome.ts';

/**
 * What a test became between two histories, by its last outcome in each (first key: before, second key: after). `absent`: the history does
 * not have the test. A test that is skipped now has lost its result: it is `disappeared`, as one that is absent. Undefined: nothing changed.
 */
const CLASSES: Record<Outcome | 'absent', Record<Outcome | 'absent', HistoryClass | undefined>> = {
  pass: { pass: undefined, fail: 'regression', none: 'disappeared', absent: 'disappeared' },
  fail: { pass: 'fixed', fail: 'still-failing', none: 'disappeared', absent: 'disappeared' },
  none: { pass: 'new-pass', fail: 'new-failure', none: undefined, absent: 'disappeared' },
  absent: { pass: 'new-pass', fail: 'new-failure', none: 'appeared', absent: undefined },
};

/** The class of a test by its last outcome in each history; absent: the history does not have it. */
export const classOf = (before: Outcome | undefined, after: Outcome | undefined): HistoryClass | undefined =>
  CLASSES[before ?? 'absent'][after ?? 'absent'];
