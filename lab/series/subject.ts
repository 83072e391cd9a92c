import { MAX_HEADER_LINE } from './limits.ts';
import type { Subject } from './stages.ts';

const REPLY = /^(?:re|aw|sv|antw|fwd?)(?:\[\d+\])?:\s*/i;
/** A bracket with what separates it from the title; git mailinfo takes colons for blanks. */
const BRACKET = /^\[([^\]]*)\][\s:]*/;

/** `k/M` or `k of M`, apart from letters, digits and dots (`6.1/6.6`), but also attached to `PATCH`, `RFC` or `v2-`. */
const COUNT =
  /(?:^|[^\w./]|(?:PATCH|RFC|RESEND|REPOST)(?=\d))(\d{1,4})\s*(?:\/|\sof\s)\s*(\d{1,4})(?![\d/]|\.\d)/i;
/** `v2`, also attached to `PATCH` or a dash or comma. */
const VERSION = /(?:^|[^a-z.]|PATCH|RFC)v(\d{1,3})(?![a-z\d/])/i;

/**
 * Parses, up to `MAX_HEADER_LINE` characters, `Re: [RFC PATCH v2 3/9] title`, and variants such as `[PATCHv3 0/7]`, `[17/17]`,
 * `[net-next,v2,1/2]` and `[PATCH 1 of 2]`. The title is what git mailinfo leaves:
 * a `re:` behind a bracket goes too, but makes no reply.
 */
export function parseSubject(raw: string): Subject {
  const subject = raw.slice(0, MAX_HEADER_LINE).replace(/\s+/g, ' ').trim();
  let title = subject;
  let prefix = '';
  let reply = false;
  let forward = false;
  for (;;) {
    const re = (prefix === '' ? REPLY : /^re:\s*(?=\S)/i).exec(title);
    const bracket = BRACKET.exec(title);
    const match = re ?? bracket;
    if (!match) break;
    if (!re) prefix += ` ${bracket?.[1] ?? ''}`;
    else if (prefix === '' && /^f/i.test(re[0])) forward = true;
    else if (prefix === '') reply = true;
    const rest = title.slice(match[0].length);
    // A subject of nothing but `re:` keeps the last one, as with git.
    if (re && rest === '') break;
    title = rest;
  }
  const count = COUNT.exec(prefix);
  const version = VERSION.exec(prefix);
  return {
    reply,
    forward,
    patch: /PATCH|\bRF[CT]/i.test(prefix) || count !== null,
    rfc: /\bRF[CT]/i.test(prefix),
    resend: /\bRE(?:SEND|POST)/i.test(prefix),
    version: Math.max(1, Number(version?.[1] ?? 1)),
    ...(count ? { number: Number(count[1]), total: Number(count[2]) } : {}),
    title: title || subject,
  };
}
