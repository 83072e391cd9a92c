/** Which interpreter a script needs, and which package has it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { missingInterpreter } from './interpreter.ts';

const dir = t.testdir({});
const GUEST = new Set(['/bin/sh', '/usr/bin/env', '/usr/bin/awk']);
const look = (head: string | Buffer) => {
  const file = join(dir, 'script');
  writeFileSync(file, head);
  return missingInterpreter(file, (path) => GUEST.has(path));
};

t.test('an interpreter that guests have, and a file without one, lack nothing', async (t) => {
  const heads = [
    ...[
      '#!/bin/sh\n',
      '#! /bin/sh -e\n',
      '#!\t/bin/sh',
      '#!/usr/bin/env awk\n',
      '#!/usr/bin/env -S awk -f\n',
    ],
    ...['', '#', 'echo hello\n', '#!\n', '\x7fELF\0\0', '#!tools/run\n'],
  ];
  for (const head of heads) t.equal(await look(head), undefined, JSON.stringify(head));
});

t.test('a missing interpreter is named with the package that has it', async (t) => {
  const wrong: [head: string, interpreter: string, packages: string[]][] = [
    ['#!/bin/bash\necho\n', '/bin/bash', ['bash']],
    ['#! /usr/bin/perl -w', '/usr/bin/perl', ['perl']],
    ['#!/usr/bin/env python3\n', 'python3', ['python3']],
    ['#!/usr/bin/env python\n', 'python', ['python-is-python3']],
    ['#!/usr/bin/env -S python3.11 -u\n', 'python3.11', ['python3.11']],
    ['#!/usr/bin/env -Sbash -e\n', 'bash', ['bash']],
    ['#!/usr/bin/env --split-string=bash -e\n', 'bash', ['bash']],
    ['#!/usr/bin/env -i -u LANG LC_ALL=C ruby\n', 'ruby', ['ruby']],
    ['#!/bin/csh -f\n', '/bin/csh', ['tcsh']],
    ['#!/opt/acme/bin/interpret\n', '/opt/acme/bin/interpret', []],
    ['#!/bin/constructor\n', '/bin/constructor', []],
  ];
  for (const [head, interpreter, packages] of wrong)
    t.same(await look(head), { interpreter, packages }, JSON.stringify(head));
});

t.test('a line that ends with a carriage return names a program that no guest has', async (t) => {
  t.same(await look('#!/bin/sh\r\necho\r\n'), { interpreter: '/bin/sh\r', packages: [] });
});

t.test('a script that is not there is an error', async (t) => {
  await t.rejects(
    missingInterpreter(join(dir, 'none'), () => true),
    { code: 'ENOENT' },
  );
});
