import fc from 'fast-check';

/** Mails as people and programs write them, for a comparison with git: each a patch of one file. */

const word = fc.constantFrom(
  'ring',
  'lamp',
  'fix',
  'nvme:',
  'größe',
  'naïve',
  'wick,',
  'x86/mm:',
  '漢字',
  '(a)',
  'a.b',
  're:',
  'v2',
  '3/4',
  '"q"',
  '\\n',
);
const words = (min: number, max: number) =>
  fc.array(word, { minLength: min, maxLength: max }).map((list) => list.join(' '));

const prefix = fc.constantFrom(
  '',
  '[PATCH] ',
  '[PATCH v3] ',
  '[RFC PATCH] ',
  '[PATCH]: ',
  '[PATCH][x] ',
  '[PATCH net-next] ',
  '[v2] ',
  '[PATCH] [media] ',
);
const names = fc.constantFrom(
  'Ada Lamp',
  'Jörg Öl',
  'Lamp, Ada',
  'A. Q. Lamp (ring)',
  'Ångström',
  '李 四方',
  'Li',
  'O\'Wick "Bob" X',
  'Ada   Lamp',
);
const address = fc.constantFrom('ada@ring.example', 'j.o+x@oel.example', 'a_b@c.d');

const line = fc.oneof(
  words(1, 6),
  fc.constantFrom(
    '',
    '  indented',
    'From here on',
    '>From there',
    ' - item',
    'Signed-off-by: Ada Lamp <ada@ring.example>',
    '--',
    '----',
    '-- ',
    '--- quoted',
    'Fixes: 1234 ("x = y")',
    '* a=3D',
    'trailing ',
    '\tTab',
    '[1] http://x',
    'diff of a',
    '@@ -1 +1 @@',
  ),
);
const code = fc.oneof(
  words(0, 4),
  fc.constantFrom(
    '\treturn "größe";',
    '',
    '- ',
    '-- ',
    '  = 1;',
    'a = b=',
    'From x',
    '\\',
    '{',
    'x'.repeat(90),
  ),
);

/** A diff of one hunk whose counts fit. */
const diff = fc
  .record({
    file: fc.constantFrom('fs/a.c', 'fs/größe.c', 'fs/a b.c', 'mm/x.h'),
    context: fc.array(code, { maxLength: 3 }),
    removed: fc.array(code, { maxLength: 3 }),
    added: fc.array(code, { minLength: 1, maxLength: 4 }),
  })
  .map(({ file, context, removed, added }) => {
    const [old, now] = [context.length + removed.length, context.length + added.length];
    const rows = [
      ...context.map((row) => ` ${row}`),
      ...removed.map((row) => `-${row}`),
      ...added.map((row) => `+${row}`),
    ];
    return `diff --git a/${file} b/${file}\nindex 1111111..2222222 100644\n--- a/${file}\n+++ b/${file}\n@@ -${old === 0 ? 0 : 1},${old} +1,${now} @@\n${rows.join('\n')}\n`;
  });

const encodeWord = (text: string, kind: 'q' | 'b') =>
  kind === 'b'
    ? `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`
    : `=?utf-8?q?${[...Buffer.from(text)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')}?=`;

/** Header text as it is, or in encoded words, each of a part of the text and folded. */
function encodeHeader(text: string, how: 'raw' | 'q' | 'b'): string {
  if (how === 'raw') return text;
  const parts = text.match(/.{1,12}/gsu) ?? [''];
  return parts.map((part) => encodeWord(part, how)).join('\n ');
}

/** A body in a transfer encoding. */
function encodeBody(body: string, how: '8bit' | 'quoted-printable' | 'base64'): string {
  if (how === 'base64') return Buffer.from(body).toString('base64').replace(/.{72}/g, '$&\n');
  if (how === '8bit') return body.replace(/^(>*From )/gm, '>$1');
  return body
    .split('\n')
    .map((row) => {
      const coded = [...Buffer.from(row)].map((byte) =>
        byte > 126 || byte === 61 || (byte < 32 && byte !== 9)
          ? `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
          : String.fromCharCode(byte),
      );
      const joined: string[] = [];
      for (let at = 0; at < coded.length; at += 60) joined.push(coded.slice(at, at + 60).join(''));
      return joined
        .join('=\n')
        .replace(/[ \t]$/, (blank) => (blank === ' ' ? '=20' : '=09'))
        .replace(/^From /, '=46rom ');
    })
    .join('\n');
}

const inBody = fc.constantFrom(
  '',
  '',
  'From: Bob Wick <bob@wick.example>\n\n',
  'From: =?UTF-8?q?J=C3=B6rg?= Wick\n <bob@wick.example>\nSubject: [PATCH] an other\n title\n\n',
  'Date: Tue, 4 Mar 2025 10:00:00 +0100\n\n',
  '\n\nsubject: lower\n\n',
);

/** One mail of an mbox. */
export const mail: fc.Arbitrary<string> = fc
  .record({
    subject: fc.tuple(prefix, words(1, 6)),
    how: fc.constantFrom('raw' as const, 'q' as const, 'b' as const),
    person: fc.tuple(names, address),
    message: fc.array(line, { minLength: 0, maxLength: 6 }),
    cut: fc.constantFrom('---\n', '---\n fs/a.c | 1 +\n\n', '', '--- \nnote\n'),
    end: fc.constantFrom('', '-- \n2.39.5\n', '\n', '-- \n2.39.5\n\n'),
    encoding: fc.constantFrom('8bit' as const, 'quoted-printable' as const, 'base64' as const),
    ...{
      inBody,
      diff,
      crlf: fc.boolean(),
      multipart: fc.boolean(),
      charset: fc.constantFrom('UTF-8', 'utf-8', '"UTF-8"'),
    },
  })
  .map(
    ({
      subject,
      how,
      person: [name, email],
      message,
      cut,
      end,
      encoding,
      inBody: top,
      diff: change,
      crlf,
      multipart,
      charset,
    }) => {
      const shown = /^[\w ]+$/.test(name)
        ? name
        : how === 'raw'
          ? `"${name.replace(/["\\]/g, '\\$&')}"`
          : encodeHeader(name, how);
      const body = `${top}${message.map((row) => `${row}\n`).join('')}${cut}${change}${end}`;
      const content = `Content-Type: text/plain; charset=${charset}\nContent-Transfer-Encoding: ${encoding}\n\n${encodeBody(body, encoding)}\n`;
      const entity = multipart
        ? `Content-Type: multipart/mixed;\n\tboundary="=_a b"\n\nno MIME\n--=_a b\n${content}--=_a b--\n`
        : content;
      const text = `From: ${shown} <${email}>\nDate: Mon, 3 Mar 2025 10:00:00 +0100\nSubject: ${subject[0]}${encodeHeader(subject[1], how)}\nMIME-Version: 1.0\n${entity}\n`;
      // A mail whose lines end in CRLF has them in its headers too.
      return `From mboxrd@z Thu Jan  1 00:00:00 1970\n${text}`.replaceAll('\n', crlf ? '\r\n' : '\n');
    },
  );
