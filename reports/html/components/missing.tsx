import type { Absence } from '../missing.ts';
import { clip } from '../text.ts';
import { CellTests } from './changes.tsx';
import { Badge, Section, type Tint } from './parts.tsx';

const WORDS: Record<Absence['kind'], { tint: Tint; sign: string; word: string }> = {
  missing: { tint: 'bad', sign: '?', word: 'no result' },
  skipped: { tint: 'mute', sign: '○', word: 'skipped' },
  expected: { tint: 'mute', sign: '○', word: 'expected failure' },
};

function Reason({ absence: { kind, reason, count, lists } }: { absence: Absence }) {
  const { tint, sign, word } = WORDS[kind];
  const cells = lists.map(({ where }) => where);
  return (
    <details class="absence">
      <summary>
        <Badge tint={tint} sign={sign}>
          {`${count.toLocaleString('en-US')} ${word}`}
        </Badge>
        <span class="name">{clip(reason, 600)}</span>
        <span class="where">{cells.length > 3 ? `${cells.length} cells` : cells.join(', ')}</span>
      </summary>
      <div class="body">
        {lists.map((list) => (
          <CellTests list={list} kind={kind === 'missing' ? 'missing' : 'same'} />
        ))}
      </div>
    </details>
  );
}

/** Results that did not arrive, and tests that are ignored, by reason. */
export function Missing({ absences }: { absences: readonly Absence[] }) {
  const count = absences.reduce((sum, absence) => sum + absence.count, 0);
  return (
    <Section id="missing" title="Missing and ignored" note={count.toLocaleString('en-US')}>
      {absences.length === 0 ? <p class="calm">Every test has a result, and none is ignored.</p> : null}
      {absences.map((absence) => (
        <Reason absence={absence} />
      ))}
    </Section>
  );
}
