import type { SeriesRecord } from '../../lab/model/run.ts';
import { findingsOf, stateOf } from '../findings.ts';
import type { ReportInput } from '../input.ts';
import { addressValue, header, textValue } from './headers.ts';

/** Name and address of a person, `Name <address>`. */
export function personOf(text: string): { name: string; address: string } {
  const match = /^(.*?)\s*<([^<>]*)>$/.exec(text.trim());
  const unquoted = match?.[1]?.replace(/^"(.*)"$/, '$1') ?? '';
  return match ? { name: unquoted, address: match[2] ?? '' } : { name: '', address: text.trim() };
}

/** The subject of the mail that is answered. */
function subjectOf({ title, version = 1, patches }: SeriesRecord, hasCover: boolean): string {
  const count = patches.length;
  const number = count === 1 && !hasCover ? '' : ` ${hasCover ? 0 : 1}/${count}`;
  return `Re: [PATCH${version > 1 ? ` v${version}` : ''}${number}] ${title}`;
}

/** The headers of a mail about a run: whom it answers, and to whom it goes. Date and message id are the sending program's. */
export function headers(input: ReportInput): string[] {
  const { record, sender } = input;
  const { series } = record;
  const from = sender === undefined ? undefined : personOf(sender);
  const fromValue = from && addressValue(from.name, from.address);
  const authors = new Map(series?.posted?.map(({ author }) => [author.email, author.name]));
  const to = [...authors].flatMap(([email, name]) => addressValue(name, email) ?? []);
  const id = series?.messageId ?? series?.posted?.[0]?.messageId;
  // A message id of the record is in angle brackets and has no blanks: it was read from a mail.
  const answered = id && /^<[\x21-\x7e]+>$/.test(id) ? id : undefined;
  const subject =
    series && answered
      ? subjectOf(series, series.messageId !== undefined)
      : `[ringlab] ${series?.title ?? record.id}: ${stateOf(findingsOf(input))}`;
  return [
    ...(fromValue ? header('From', fromValue) : []),
    ...(to.length > 0 ? header('To', to.join(', ')) : []),
    ...header('Subject', textValue(subject)),
    ...(answered ? [...header('In-Reply-To', answered), ...header('References', answered)] : []),
    ...['MIME-Version: 1.0', 'Content-Type: text/plain; charset=UTF-8', 'Content-Transfer-Encoding: 8bit'],
  ];
}
