import { nameOfCell } from '../../lab/model/cell.ts';
import type { Metric, TestResult } from '../../lab/model/result.ts';
import { type CellRecord, type RunRecord, totalMsOf } from '../../lab/model/run.ts';
import type { CellVerdict, Verdict } from '../../lab/model/verdict.ts';
import { slugOf } from '../slug.ts';
import { Status, type Test } from './schema.ts';
import { excerptOf, type Place, present, safe, timeOf } from './values.ts';

/**
 * A timeout is the kernel's: the agent ends a test that waits. What is lost was not run to its end. An expected failure says nothing
 * about the kernel: its verdict is in `misc`.
 */
const STATUS: Record<Verdict, Status> = {
  ...{ pass: 'PASS', fail: 'FAIL', crash: 'FAIL', timeout: 'FAIL', lost: 'MISS', skip: 'SKIP', todo: 'DONE' },
};

/** Of a cell that ran to its end its tests decide. */
const BROKEN: Record<Exclude<CellVerdict, 'done'>, Status> = {
  ...{ 'apply-failed': 'SKIP', 'build-failed': 'SKIP', 'boot-failed': 'FAIL', crash: 'FAIL' },
  ...{ timeout: 'FAIL', lost: 'MISS', 'lab-failed': 'MISS' },
};

/** The status that sums up several, `DONE` where there is none. */
const worst = (all: readonly Status[]): Status =>
  Status.options.find((status) => all.includes(status)) ?? 'DONE';

const statusOf = ({ verdict, tests }: CellRecord): Status =>
  verdict === 'done' ? worst(tests.map((test) => STATUS[test.verdict])) : BROKEN[verdict];

/** Most characters of each part of a path. */
const PART = 100;

/** Dotted path of a test, outer tests first: `ringlab.passthrough.reads_what_was_written`. */
const pathOf = (suite: string, name = '') =>
  ['ringlab', suite, ...(name === '' ? [] : name.split(' > '))].map((part) => slugOf(part, PART)).join('.');

/** When a cell began; a cell of several guests has no single beginning: the start of its run. */
function startOf({ startedAt, spans }: RunRecord, { kernel, profile, suite }: CellRecord) {
  const subject = nameOfCell({ kernel, profile, suite });
  const span = spans.find((entry) => entry.stage === 'cell' && entry.subject === subject);
  return timeOf(startedAt, span?.startMs);
}

/** What all tests of a cell share. */
function sharedOf(record: RunRecord, cell: CellRecord, { origin, idOf }: Place) {
  const qemu = cell.attempts.find((attempt) => attempt.qemu)?.qemu;
  const guest = `guest ${safe(cell.profile)}`;
  const machine = qemu ? `${guest}: QEMU ${safe(qemu.version)}, ${safe(qemu.accel)}` : guest;
  return present({
    ...{ build_id: idOf(cell.kernel, 'build'), origin, start_time: startOf(record, cell) },
    environment: { comment: machine, misc: { ringlab: { guest: safe(cell.profile) } } },
  });
}

/** Logs of a cell that are published. */
function logsOf({ attempts }: CellRecord, { urlOf }: Place) {
  const artefacts = attempts.flatMap((attempt) => attempt.artefacts);
  const last = artefacts.findLast(({ kind }) => kind === 'console');
  const files = artefacts.flatMap((artefact) => {
    const url = urlOf(artefact);
    return url === undefined ? [] : [{ name: artefact.file, url }];
  });
  return { logUrl: last && urlOf(last), files: files.length > 0 ? files : undefined };
}

/** The tests of a cell: one for the cell with its logs, one for each test, one for each figure. */
export function testsOf(record: RunRecord, cell: CellRecord, place: Place): Test[] {
  const { kernel, profile, suite, verdict, reason, detail } = cell;
  const shared = sharedOf(record, cell, place);
  const { logUrl, files } = logsOf(cell, place);
  const idIn = (...path: string[]) => place.idOf(kernel, profile, suite, ...path);
  const whole: Test = present({
    ...{ ...shared, id: idIn(), path: pathOf(suite), status: statusOf(cell) },
    ...{ comment: safe(reason ?? `suite ${suite}`), duration: totalMsOf(cell) / 1000 },
    ...{ log_url: logUrl, log_excerpt: detail && excerptOf(detail), output_files: files },
    misc: { ringlab: { verdict } },
  });
  const result = (test: TestResult, index: number): Test => {
    const { name, reason: why, detail: text = why, durationMs } = test;
    const status = STATUS[test.verdict];
    const log =
      status === 'FAIL' || status === 'MISS' ? { log_url: logUrl, log_excerpt: text && excerptOf(text) } : {};
    return present({
      ...{ ...shared, ...log, id: idIn(String(index + 1)), path: pathOf(suite, name), status },
      ...{ comment: safe(name), duration: durationMs === undefined ? undefined : durationMs / 1000 },
      misc: { ringlab: present({ verdict: test.verdict, reason: why && safe(why) }) },
    });
  };
  const figure = ({ name, value, unit }: Metric, index: number): Test => ({
    ...{ ...shared, id: idIn('figure', String(index + 1)), path: pathOf(suite, `figure > ${name}`) },
    ...{ comment: safe(name), status: 'DONE', number: { value, unit: safe(unit) } },
  });
  return [whole, ...cell.tests.map(result), ...cell.metrics.map(figure)];
}
