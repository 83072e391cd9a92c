import type { EventOf, LabEvent } from '../../model/event.ts';
import type { CellVerdict } from '../../model/verdict.ts';
import { type Progress, progressOf, subjectWords } from '../words.ts';
import { cellOf, nextCell, type RunningCell, startedCell } from './cell-state.ts';
import { type Counts, countsOf, decidedTests, NO_TESTS, sumOf } from './counts.ts';

/** Work other than cells: a source, kernel or image that is made or waited for, a series that is applied, the guest of a shell. */
export interface Work {
  kind: 'source' | 'series' | 'build' | 'kernel' | 'image' | 'guest' | 'confirm';
  /** As in the lines of the command: `kernel debian-6.12`. */
  subject: string;
  startedMs: number;
  progress?: Progress | undefined;
  /** Another ringlab does it, and this one waits. */
  isWaiting: boolean;
}

type Planned = EventOf<'cells.planned'>['cells'][number];

/** A cell that has ended. */
export interface EndedCell extends Planned {
  verdict: CellVerdict;
  ms: number;
}

/** What a command does at a moment, as far as its events say. */
export interface LiveState {
  /** Of a run: its start, and how many guests run at the same time. */
  run?: { startedMs: number; jobs: number };
  accel?: 'kvm' | 'tcg';
  /** By subject. */
  work: ReadonlyMap<string, Work>;
  /** By name. */
  running: ReadonlyMap<string, RunningCell>;
  /** Planned cells that have not begun, in the order in which they will. */
  waiting: readonly Planned[];
  ended: readonly EndedCell[];
  /** Tests of the cells that have ended. */
  counts: Counts;
  /** Cells that the end of the run left without a beginning. */
  notBegun: number;
  /** The most cells that there may be, where they were not planned: a mutant's cells end with the first that notices it. */
  atMost: number;
  mutants: { killed: number; survived: number; broken: number };
  /** The command was interrupted or failed, and cleans up. */
  isEnding: boolean;
}

export const IDLE: LiveState = {
  ...{ work: new Map(), running: new Map(), waiting: [], ended: [], counts: NO_TESTS },
  ...{ notBegun: 0, atMost: 0, mutants: { killed: 0, survived: 0, broken: 0 }, isEnding: false },
};

const withEntry = <T>(map: ReadonlyMap<string, T>, key: string, value: T) => new Map(map).set(key, value);

const without = <T>(map: ReadonlyMap<string, T>, isGone: (value: T, key: string) => boolean) =>
  new Map([...map].filter(([key, value]) => !isGone(value, key)));

const isSame = (a: Planned, b: Planned) =>
  a.kernel === b.kernel &&
  a.profile === b.profile &&
  a.suite === b.suite &&
  a.repeat === b.repeat &&
  a.shard === b.shard;

function begin(state: LiveState, kind: Work['kind'], event: LabEvent): LiveState {
  const subject = subjectWords(event);
  const old = state.work.get(subject);
  const isWaiting = event.type === 'lock.wait';
  const startedMs = old && old.isWaiting === isWaiting ? old.startedMs : event.at;
  const work = { kind, subject, startedMs, progress: progressOf(event), isWaiting };
  return { ...state, work: withEntry(state.work, subject, work) };
}

/** Ends the work that an event is about. */
function end(state: LiveState, event: LabEvent): LiveState {
  const subject = subjectWords(event);
  return { ...state, work: without(state.work, (work) => work.subject === subject) };
}

/** Ends all work of these kinds: other work shows that it is over, where no event says so. */
const endAll = (state: LiveState, ...kinds: Work['kind'][]): LiveState => ({
  ...state,
  work: without(state.work, ({ kind }) => kinds.includes(kind)),
});

/** Series are applied one after the other, and only the next one shows that one is done. */
function endOthers(state: LiveState, kind: Work['kind'], event: LabEvent): LiveState {
  const subject = subjectWords(event);
  return {
    ...state,
    work: without(state.work, (work) => work.kind === kind && work.subject !== subject),
  };
}

/** A plan replaces an earlier one. */
function plan(state: LiveState, { cells }: EventOf<'cells.planned'>): LiveState {
  const begun = [...[...state.running.values()].map(({ planned }) => planned), ...state.ended];
  return { ...state, waiting: cells.filter((cell) => !begun.some((each) => isSame(each, cell))) };
}

function startCell(state: LiveState, event: EventOf<'cell.start'> & { at: number }): LiveState {
  const cell = startedCell(event, event.at);
  const { planned } = cell;
  return {
    ...state,
    running: withEntry(state.running, event.cell, cell),
    waiting: state.waiting.filter((each) => !isSame(each, planned)),
  };
}

function endCell(state: LiveState, event: EventOf<'cell.end'>): LiveState {
  const { cell, verdict, ms, result, continues } = event;
  const { kernel, profile, suite, attempts } = result;
  const { repeat = 1, shard } = attempts[0] ?? {};
  const planned = { kernel, profile, suite, repeat, ...(shard === undefined ? {} : { shard }) };
  return {
    ...state,
    running: without(state.running, (_, name) => name === cell),
    waiting: state.waiting.filter((each) => !isSame(each, planned)),
    ended: continues ? state.ended : [...state.ended, { ...planned, verdict, ms }],
    counts: sumOf(state.counts, countsOf(decidedTests(event))),
    notBegun: state.notBegun + (attempts.some(({ cutOff }) => cutOff === 'planned') ? 1 : 0),
  };
}

function endMutant(state: LiveState, { killed, broken }: EventOf<'mutant.end'>): LiveState {
  const field = broken !== undefined ? 'broken' : killed ? 'killed' : 'survived';
  return { ...state, mutants: { ...state.mutants, [field]: state.mutants[field] + 1 } };
}

/** The running cell of an event takes it; the guest of a shell is work. */
function takeInCell(state: LiveState, event: LabEvent): LiveState {
  const cell = state.running.get(cellOf(event) ?? '');
  if (cell) return { ...state, running: withEntry(state.running, cell.name, nextCell(cell, event)) };
  if (event.type === 'guest.start') return begin(state, 'guest', event);
  return event.type === 'guest.ready' ? end(state, event) : state;
}

/** The state after an event. */
export function nextState(state: LiveState, event: LabEvent): LiveState {
  switch (event.type) {
    case 'run.start':
      return { ...state, run: { startedMs: event.at, jobs: event.record.plan?.jobs ?? 1 } };
    case 'session.ready':
      return { ...endAll(state, 'image'), accel: event.accel.kind };
    case 'source.start':
    case 'source.progress':
      return begin(state, 'source', event);
    case 'series.progress':
      return begin(endOthers(endAll(state, 'source'), 'series', event), 'series', event);
    case 'kernel.start':
    case 'kernel.progress':
      return begin(endAll(state, 'source', 'series', 'build'), 'kernel', event);
    case 'image.start':
      return begin(state, 'image', event);
    case 'lock.wait':
      return begin(state, event.for, event);
    case 'source.end':
    case 'kernel.end':
    case 'image.end':
      return end(state, event);
    case 'kernel.ready':
      return endAll(state, 'source', 'series', 'build');
    case 'cells.planned':
      return plan(endAll(state, 'source', 'series', 'build'), event);
    case 'cells.progress':
      return { ...state, atMost: event.total };
    case 'cell.start':
      return startCell(state, event);
    case 'cell.end':
      return endCell(state, event);
    case 'mutant.end':
      return endMutant(state, event);
    case 'confirm.start':
    case 'confirm.end':
      return begin(state, 'confirm', event);
    case 'run.end':
      return { ...state, work: new Map(), waiting: [] };
    default:
      return takeInCell(state, event);
  }
}

/** Whether there is anything to show. */
export const isBusy = ({ run, work, running }: LiveState): boolean =>
  run !== undefined || work.size > 0 || running.size > 0;
