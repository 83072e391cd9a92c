import { InputError } from '../core/errors.ts';
import type { Note } from '../model/note.ts';
import { leftMails } from './left.ts';
import type { Entry, Posting } from './stages.ts';

/** Whether the subjects number all patches of one posting, each once. */
function areNumbered(patches: readonly Entry[]): boolean {
  const [first] = patches;
  const numbers = new Set(patches.map(({ subject }) => subject.number));
  return (
    numbers.size === patches.length &&
    patches.every(({ subject: { number = 0, total, version } }) => {
      return (
        total !== undefined &&
        number > 0 &&
        total === first?.subject.total &&
        version === first.subject.version
      );
    })
  );
}

/**
 * The patches of files whose order is that of the patches: a folder of git format-patch or a distribution, a git range. Their numbers are those of
 * the subjects where these number one posting, so that a missing patch is known; else those of their order. `ordered`: always of the order.
 */
export function queuePosting(
  entries: readonly Entry[],
  { wanted, where, ordered }: { wanted: number | undefined; where: string; ordered: boolean },
  note: (note: Note) => void,
): Posting {
  const isPatch = ({ diffStart, number }: Entry) => diffStart !== undefined && number > 0;
  const patches = entries.filter(isPatch);
  const cover = entries.find(({ number }) => number === 0);
  leftMails(
    entries.filter((entry) => !isPatch(entry)),
    where,
    note,
  );
  const numbered = !ordered && areNumbered(patches);
  const version = Math.max(...[...(cover ? [cover] : []), ...patches].map(({ subject }) => subject.version));
  if (wanted !== undefined && wanted !== version)
    throw new InputError({
      what: `there is no version ${wanted} of the series in it`,
      where,
      expected: `version ${version}`,
    });
  return {
    version,
    total: numbered ? (patches[0]?.subject.total ?? patches.length) : patches.length,
    ...(cover ? { cover } : {}),
    patches: numbered
      ? [...patches].sort((a, b) => a.number - b.number)
      : patches.map((entry, index) => ({ ...entry, number: index + 1 })),
  };
}
