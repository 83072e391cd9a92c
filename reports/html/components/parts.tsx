import type { ComponentChildren } from 'preact';
import type { Verdict } from '../../../lab/model/verdict.ts';
import type { Kind } from '../changes.ts';
import type { Place } from '../columns.ts';
import type { Link } from '../links.ts';
import type { Excerpt } from '../text.ts';

/** How a word is coloured; its sign and the word itself say the same without colour. */
export type Tint = 'bad' | 'warn' | 'good' | 'mute';

/** A word with a sign in front. */
export function Badge({ tint, sign, children }: { tint: Tint; sign: string; children: ComponentChildren }) {
  return (
    <span class={`badge ${tint}`}>
      <span aria-hidden="true">{sign}</span> {children}
    </span>
  );
}

const KIND_BADGES: Record<Kind, { tint: Tint; sign: string; word: string }> = {
  regressed: { tint: 'bad', sign: '✗', word: 'regressed' },
  failing: { tint: 'bad', sign: '✗', word: 'newly failing' },
  failed: { tint: 'bad', sign: '✗', word: 'failed' },
  fixed: { tint: 'good', sign: '✓', word: 'fixed' },
  new: { tint: 'good', sign: '+', word: 'new' },
  gone: { tint: 'warn', sign: '−', word: 'gone' },
  flaky: { tint: 'warn', sign: '≈', word: 'flaky' },
  changed: { tint: 'warn', sign: '↔', word: 'changed' },
  missing: { tint: 'bad', sign: '?', word: 'no result' },
  same: { tint: 'mute', sign: '=', word: 'unchanged' },
};

/** The word for a kind of change. */
export const kindWord = (kind: Kind): string => KIND_BADGES[kind].word;

/** A text whose first letter is a capital. */
export const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

export function KindBadge({ kind }: { kind: Kind }) {
  const { tint, sign, word } = KIND_BADGES[kind];
  return (
    <Badge tint={tint} sign={sign}>
      {word}
    </Badge>
  );
}

/** `pass → crash`; a side without the test is left out. */
export function Verdicts({ base, patched }: { base?: Verdict | undefined; patched?: Verdict | undefined }) {
  if (!base || !patched) return <span class="verdicts">{patched ?? `${base} on base`}</span>;
  if (base === patched) return <span class="verdicts">{patched} on both</span>;
  return (
    <span class="verdicts">
      <span class="hidden">base </span>
      {base} <span aria-hidden="true">→</span>
      <span class="hidden">, patched</span> {patched}
    </span>
  );
}

/** Attributes by which the script filters. */
export const placeData = ({ column, guest, suite }: Place) => ({
  'data-guest': guest,
  'data-suite': suite,
  'data-kernel': String(column.index),
});

const SOURCE_LINE = /([\w./-]+\.(?:c|h|S|rs|ts|js):\d+)/;

/** Lines of a log. Places in sources stand out. */
export function Log({ excerpt }: { excerpt: Excerpt }) {
  return (
    <pre>
      {excerpt.lines.flatMap((line) => [
        ...line.split(SOURCE_LINE).map((part, index) => (index % 2 === 1 ? <b>{part}</b> : part)),
        '\n',
      ])}
      {excerpt.more > 0 ? <i>{`${excerpt.more} more lines`}</i> : null}
    </pre>
  );
}

/** Links to files of a record; names only where the record is no folder. */
export function Files({ links }: { links: readonly Link[] }) {
  if (links.length === 0) return null;
  return (
    <p class="files">
      {links.map(({ label, file, href }) => (
        <span>
          {href === undefined ? (
            `${label} ${file}`
          ) : (
            <a href={href} title={file}>
              {label}
            </a>
          )}
        </span>
      ))}
    </p>
  );
}

/** A command to copy: one click selects all of it. */
export function Command({ label, command }: { label: string; command: string | undefined }) {
  if (command === undefined) return null;
  return (
    <p class="command">
      <span>{label}</span> <code>{command}</code>
    </p>
  );
}

/** A table that scrolls sideways where it is wider than the page. */
export function Wide({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section class="wide" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** A section with its heading; `count` stands beside it. */
export function Section(props: {
  id: string;
  title: string;
  note?: string | undefined;
  children: ComponentChildren;
}) {
  const { id, title, note, children } = props;
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>
        {title}
        {note === undefined ? null : <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}
