import type { Patch } from '../model/series.ts';
import { MAX_SUBJECT } from './limits.ts';
import type { Person } from './stages.ts';

/** Parses `Name <address>`; a text without an address is all name. At most `MAX_SUBJECT` characters are read. */
export function parsePerson(text: string): Person {
  const written = text.trim().slice(0, MAX_SUBJECT).trim();
  const [address = '', inner = ''] = /<([^<>]*)>$/.exec(written) ?? [];
  const name = address ? written.slice(0, -address.length).trimEnd() : written;
  return { name: name.replace(/^"(.*)"$/, '$1') || inner, email: inner };
}

/** Trailers of a commit message: the `Key: value` lines of its last paragraph, if one of them has a usual key. */
export function readTrailers(body: string): Patch['trailers'] {
  const paragraph =
    body
      .trimEnd()
      .split(/\n\s*\n/)
      .at(-1) ?? '';
  const trailers: Patch['trailers'] = [];
  for (const line of paragraph.split('\n')) {
    const [, key, value] = /^([A-Za-z][A-Za-z0-9-]*):\s+(\S.*)$/.exec(line) ?? [];
    const last = trailers.at(-1);
    if (key && value) trailers.push({ key, value: value.trimEnd() });
    else if (/^\s+\S/.test(line) && last) last.value += ` ${line.trim()}`;
  }
  const isTrailerBlock = trailers.some(({ key }) => /-by$|^(?:Fixes|Link|Cc|Closes|Change-Id)$/i.test(key));
  return isTrailerBlock ? trailers : [];
}
