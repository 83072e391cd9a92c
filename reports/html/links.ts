import type { Artefact } from '../../lab/model/artefact.ts';
import type { Attempt, CellRecord } from '../../lab/model/run.ts';
import type { KernelSide, Place } from './columns.ts';
import type { RecordFolder } from './input.ts';

/** A file of a record: its name, and its URL where the record is a folder. */
export interface Link {
  label: string;
  file: string;
  href?: string;
}

const LABELS = { tap: 'TAP', console: 'Console', spec: 'Cell spec' } as const satisfies Record<
  Artefact['kind'],
  string
>;

/** URL of a file in the folder; undefined for a name that leads elsewhere. */
export function hrefOf(folder: RecordFolder | undefined, file: string): string | undefined {
  if (!folder || /[/\\]|^[.]{0,2}$/.test(file)) return undefined;
  return `${folder.href}/${encodeURIComponent(file)}`;
}

/** Links to files of a record. */
export function linksTo(
  artefacts: readonly Artefact[],
  folder: RecordFolder | undefined,
  kinds: readonly Artefact['kind'][] = ['tap', 'console', 'spec'],
): Link[] {
  return artefacts
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, file }) => {
      const href = hrefOf(folder, file);
      return { label: LABELS[kind], file, ...(href === undefined ? {} : { href }) };
    });
}

/**
 * The attempt that ran a test: the first that began it, of several boots one that did not end well. Undefined where shards shared the
 * tests, since the record does not say which shard ran which.
 */
export function attemptOf({ attempts }: Pick<CellRecord, 'attempts'>, test: string): Attempt | undefined {
  if (attempts.some(({ shard }) => shard !== undefined && shard > 1)) return undefined;
  const began = attempts.filter(
    ({ cutOff, notBegun }) => cutOff !== 'planned' && !(notBegun ?? []).includes(test),
  );
  return began.find(({ verdict }) => verdict !== 'done') ?? began[0];
}

/** What shows and repeats one result. */
export interface Trail {
  links: Link[];
  /** The command that runs exactly this cell again, or this test where a rerun of it has a spec. */
  command?: string;
  /** The last TAP line of an attempt that did not end well. */
  lastTap?: string;
}

/** The rerun of a test on the patched kernel: its spec runs this test alone. */
function rerunSpec(
  { record, kernel }: KernelSide,
  { guest, suite }: Place,
  test: string,
): string | undefined {
  const confirmation = record.confirmations?.find(
    (each) =>
      each.kernel === kernel.id && each.profile === guest && each.suite === suite && each.test === test,
  );
  const rerun = confirmation?.reruns.find(({ side, after }) => side === 'patched' && !after);
  return rerun?.artefacts.find(({ kind }) => kind === 'spec')?.file;
}

/** The files and the command of a test on one side of its place. */
export function trailOf(side: KernelSide, cell: CellRecord, place: Place, test: string): Trail {
  const { folder } = side;
  const attempt = attemptOf(cell, test);
  const artefacts = attempt?.artefacts ?? cell.attempts.flatMap((each) => each.artefacts).slice(0, 12);
  const spec = rerunSpec(side, place, test) ?? artefacts.find(({ kind }) => kind === 'spec')?.file;
  const tap = attempt?.artefacts.find(({ kind }) => kind === 'tap')?.file;
  const lastTap = tap === undefined ? undefined : folder?.lastTap.get(tap);
  return {
    links: linksTo(artefacts, folder),
    ...(folder && spec !== undefined ? { command: folder.repeat(spec) } : {}),
    ...(lastTap === undefined ? {} : { lastTap }),
  };
}
