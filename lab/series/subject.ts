import { MAX_HEADER_LINE } from './limits.ts';
import type { Subject } from './stages.ts';

const REPLY = /^(?:re|aw|sv|antw|fwd?)(?:\[\d+\])?:\s*/i;
const BRACKET = /^\[([^\]]*)\]\s*/;

/** Parses, up to `MAX_HEADER_LINE` characters, `Re: [RFC PATCH v2 3/9] title`, and variants such as `[PATCHv3 0/7]` and `[17/17]`. */
export function parseSubject(raw: string): Subject {
  let title = raw.slice(0, MAX_HEADER_LINE).replace(/\s+/g, ' ').trim();
  let prefix = '';
  let reply = false;
  for (;;) {
    const re = REPLY.exec(title);
    const bracket = BRACKET.exec(title);
    const match = re ?? bracket;
    if (!match || match[0].length === title.length) break;
    if (re) reply = true;
    else prefix += ` ${bracket?.[1] ?? ''}`;
    title = title.slice(match[0].length);
  }
  const count = /(?:^|\s)(\d{1,4})\/(\d{1,4})(?:\s|$)/.exec(prefix);
  const version = /(?:^|[\s-]|PATCH|RFC)v(\d{1,3})\b/i.exec(prefix);
  return {
    reply,
    patch: /PATCH|\bRF[CT]/i.test(prefix) || count !== null,
    version: Math.max(1, Number(version?.[1] ?? 1)),
    ...(count ? { number: Number(count[1]), total: Number(count[2]) } : {}),
    title,
  };
}
