import { hashOf } from '../core/hash.ts';
import type { Patch, Series } from '../model/series.ts';

const ASCII = /^[\x20-\x7e]*$/;

/** A header value; in RFC 2047 encoded words, each at most 75 characters long, when it is not plain ASCII. */
function encodeWords(text: string): string {
  if (ASCII.test(text)) return text;
  const words: string[] = [];
  let word = '';
  for (const char of text) {
    if (Buffer.byteLength(word + char) > 42) {
      words.push(word);
      word = '';
    }
    word += char;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString('base64')}?=`).join('\n ');
}

function address({ name, email }: Patch['author']): string {
  const plain =
    ASCII.test(name) && /[^\w .'-]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : encodeWords(name);
  return `${plain} <${email}>`;
}

/** A body quoted as mboxrd requires; in base64 when it has CRs, which mail transport would lose. */
function encodeBody(text: string): { encoding: string; body: string } {
  if (!text.includes('\r')) return { encoding: '8bit', body: text.replace(/^(>*From )/gm, '>$1') };
  const encoded = Buffer.from(text).toString('base64').replace(/.{76}/g, '$&\n');
  return { encoding: 'base64', body: `${encoded}\n` };
}

interface Message {
  number: number;
  from: Patch['author'];
  date?: string | undefined;
  messageId?: string | undefined;
  subject: string;
  text: string;
}

function writeMessage(series: Series, message: Message, cover: string | undefined): string {
  const { number, from, date, messageId, subject, text } = message;
  const width = String(series.announced).length;
  const version = series.version > 1 ? ` v${series.version}` : '';
  const prefix = `[PATCH${version} ${String(number).padStart(width, '0')}/${series.announced}]`;
  const { encoding, body } = encodeBody(text);
  const headers = [
    `From ${hashOf(series.id, String(number)).slice(0, 40)} Mon Sep 17 00:00:00 2001`,
    `From: ${address(from)}`,
    ...(date ? [`Date: ${date}`] : []),
    `Subject: ${prefix} ${encodeWords(subject)}`,
    `Message-Id: ${messageId ?? `<${series.id.slice(0, 20)}-${number}@ringlab.invalid>`}`,
    ...(cover && number > 0 ? [`In-Reply-To: ${cover}`] : []),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=UTF-8',
    `Content-Transfer-Encoding: ${encoding}`,
  ];
  return `${headers.join('\n')}\n\n${body}\n`;
}

/** The series as an mboxrd for `git am` and importSeries, foreign patches included at their position. */
export function writeMbox(series: Series): string {
  const all = [...series.patches, ...series.foreign.map(({ patch }) => patch)].sort(
    (a, b) => a.number - b.number,
  );
  const [first] = all;
  const coverId = `<${series.id.slice(0, 20)}-0@ringlab.invalid>`;
  const hasCover = series.cover !== undefined && first !== undefined;
  const messages: Message[] = all.map((patch) => ({
    ...patch,
    from: patch.author,
    text: `${patch.body}\n---\n\n${patch.diff}-- \n\n`,
  }));
  if (hasCover) {
    const text = `${series.cover}\n\n-- \n\n`;
    messages.unshift({
      number: 0,
      from: first.author,
      date: first.date,
      subject: series.title,
      text,
      messageId: coverId,
    });
  }
  return messages.map((message) => writeMessage(series, message, hasCover ? coverId : undefined)).join('');
}
