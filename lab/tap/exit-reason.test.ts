/** Why a program was skipped or failed, in its own words: forms of liburing, kselftest, blktests and shell scripts. */
import t from 'tap';
import { lastWords, reasonOfExit } from './exit-reason.ts';

const skips: [form: string, stderr: string, reason: string, stdout?: string][] = [
  ['a label with a colon', 'SKIP: no multishot accept\n', 'no multishot accept'],
  ['a lower-case word with a dash', 'skip - ring resize is too new\n', 'ring resize is too new'],
  ['an upper-case label alone', 'SKIP no zoned namespace\n', 'no zoned namespace'],
  ['a word in brackets', '[SKIP]\tthe CPU has no PKU\n', 'the CPU has no PKU'],
  ['a word in wide brackets', '[ SKIP ] huge pages\n', 'huge pages'],
  ['a label after the name of the script', 'tun.sh: SKIP: ip(8) is missing\n', 'ip(8) is missing'],
  ['a trailing word', 'mshot receive not supported, skip\n', 'mshot receive not supported'],
  ['a trailing participle', 'No fixed files here; skipping.\n', 'No fixed files here'],
  ['a trailing word in parentheses', 'kernel is too old (skipped)\n', 'kernel is too old'],
  ['a sentence that names what is skipped', 'Skipping epoll waits\n', 'Skipping epoll waits'],
  ['a bare word after the reason', 'Need CAP_NET_ADMIN\nSkipping...\n', 'Need CAP_NET_ADMIN'],
  ['a bare phrase after the reason', 'pidfd is unknown\nskip test\n', 'pidfd is unknown'],
  ['a directive of TAP', '', 'no /dev/kvm', 'ok 1 vcpus # SKIP no /dev/kvm\n'],
  ['a plan of none', '', 'must be root', 'TAP version 13\n1..0 # SKIP must be root\n'],
  ['a comment that is a directive', '# SKIP memfd is not there\n', 'memfd is not there'],
  [
    'the words of blktests',
    '',
    'queue depth is fixed',
    'block/099 [not run]\n[not run] queue depth is fixed\n',
  ],
  ['a lack without the word', 'IORING_SETUP_X not supported\n', 'IORING_SETUP_X not supported'],
  ['a lack without the word on standard output', '', 'Test requires 2 CPUs', 'Test requires 2 CPUs\n'],
  ['other last words', 'opened 3 rings\n', 'exit code 77: opened 3 rings'],
  ['no words', '', 'exit code 77, no reason given'],
];
for (const [form, stderr, reason, stdout = ''] of skips) {
  t.test(`the reason of a skip is what the program says: ${form}`, async (t) => {
    t.equal(reasonOfExit('skip', 77, stdout, stderr), reason);
  });
}

t.test('the last of several skips counts, and standard error outranks standard output', async (t) => {
  t.equal(reasonOfExit('skip', 4, '', 'skip: first part\nmore\nskip: the rest\n'), 'the rest');
  t.equal(reasonOfExit('skip', 4, 'SKIP: on stdout\n', 'SKIP: on stderr\n'), 'on stderr');
  t.equal(reasonOfExit('skip', 4, 'SKIP: on stdout\n', 'warming up\n'), 'on stdout');
});

const failures: [what: string, code: number | null, stdout: string, stderr: string, reason: string][] = [
  ['a script', 127, '', './t.sh: 4: fio: not found\n', 'exit code 127: ./t.sh: 4: fio: not found'],
  [
    'a C assertion',
    134,
    '',
    "t: t.c:9: main: Assertion `n == 4' failed.\nAborted\n",
    "ended by SIGABRT: t: t.c:9: main: Assertion `n == 4' failed.",
  ],
  [
    'an assertion of kselftest',
    1,
    '',
    '# t.c:7:read_back:Expected 3 (3) == n (5)\n',
    'exit code 1: t.c:7:read_back:Expected 3 (3) == n (5)',
  ],
  [
    'Node.js',
    1,
    '',
    "/a.js:3\n  throw new Error('no ring');\n  ^\n\nError: no ring\n    at f (/a.js:3:9)\n\nNode.js v20.19.2\n",
    'exit code 1: Error: no ring',
  ],
  [
    'standard output alone',
    2,
    'starting\nread: wrong data at 4096\ncleaning up\n',
    '',
    'exit code 2: read: wrong data at 4096',
  ],
  ['silence', 3, 'all fine\n', '', 'exit code 3'],
  ['a crash in silence', 139, '', 'Segmentation fault (core dumped)\n', 'ended by SIGSEGV'],
  ['no status', null, '', '', 'no exit status arrived'],
];
for (const [what, code, stdout, stderr, reason] of failures) {
  t.test(`the reason of a failure has the last words of ${what}`, async (t) => {
    t.equal(reasonOfExit('fail', code, stdout, stderr), reason);
  });
}

t.test('a pass needs no reason, and words without end are cut', async (t) => {
  t.equal(reasonOfExit('pass', 0, 'SKIP: x', 'y'), undefined);
  t.ok((lastWords('x'.repeat(100_000)) ?? '').length < 400, 'length of the last words');
  const began = process.cpuUsage().user;
  for (const text of [
    'skip '.repeat(13_000),
    ': '.repeat(32_000),
    `x${' '.repeat(64_000)}skip x`,
    '- skip('.repeat(9000),
  ])
    reasonOfExit('skip', 77, '', text);
  t.ok(process.cpuUsage().user - began < 5_000_000, 'CPU time of hostile lines, us');
});
