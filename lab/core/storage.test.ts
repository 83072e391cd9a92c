import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { cacheRoot } from './cache.ts';
import { InputError, LabError, VerdictError } from './errors.ts';
import { checkTemporaryFolder, plainProblems } from './path-characters.ts';
import { mountPoint, recordPlace, reportedFault, storageFault, throwReportedFault } from './storage.ts';

const errno = (code: string, path?: string) => Object.assign(new Error(`${code}: no`), { code, path });

/** Calls `work` with variables of the environment. */
function withEnv<T>(variables: Record<string, string>, work: () => T): T {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return work();
  } finally {
    for (const key of Object.keys(variables)) {
      if (before[key] === undefined) delete process.env[key];
      else process.env[key] = before[key];
    }
  }
}

t.test('a fault of storage becomes a LabError with file system, place and fix', (t) => {
  const inCache = storageFault(errno('ENOSPC', join(cacheRoot(), 'images/x')));
  t.match(inCache, {
    exitCode: 3,
    message: /no space is left on the file system \/[\s\S]*the cache.*[\s\S]*RINGLAB_CACHE/,
  });
  t.match(storageFault(errno('EDQUOT', join(tmpdir(), 'x'))), {
    message: /quota[\s\S]*temporary files[\s\S]*TMPDIR/,
  });
  t.match(storageFault(errno('EROFS'), recordPlace('/runs/x')), {
    message: /read-only[\s\S]*the run record \(\/runs\/x\)[\s\S]*--out/,
  });
  t.match(storageFault(errno('EIO', '/mnt/x')), { message: /input\/output error[\s\S]*\/mnt\/x/ });
  t.match(storageFault(errno('EACCES', '/mnt/x')), { message: /permission is denied[\s\S]*\/mnt\/x/ });
  t.end();
});

t.test('a file system that is mounted below one of our folders is named itself', (t) => {
  const fault = withEnv({ TMPDIR: '/dev' }, () => storageFault(errno('ENOSPC', '/dev/shm/x')));
  t.match(fault, { message: /^no space is left on the file system \/dev\/shm, for \/dev\/shm\/x: / });
  t.notMatch(fault?.message, 'TMPDIR');
  t.end();
});

t.test('a fault is found in causes, aggregates and the output of programs, and only there', (t) => {
  t.ok(storageFault(new Error('outer', { cause: errno('ENOSPC') })));
  t.ok(storageFault(new AggregateError([new Error('a'), errno('EIO')])));
  t.match(
    storageFault(new LabError('tar ended with code 2\ntar: x: Cannot write: No space left on device')),
    {
      message: /no space is left[\s\S]*tar: x: Cannot write/,
    },
  );
  t.equal(storageFault(new Error('No space left on device')), undefined, 'a text that no program reported');
  t.equal(storageFault(errno('ENOENT')), undefined);
  t.equal(storageFault(Object.assign(errno('EACCES'), { syscall: 'connect' })), undefined);
  t.equal(storageFault(new InputError({ what: 'x' }, { cause: errno('EACCES') })), undefined);
  t.equal(storageFault(new VerdictError('build-failed', 'No space left on device', '')), undefined);
  const fault = storageFault(errno('EIO'));
  t.equal(storageFault(fault), fault, 'is not wrapped twice');
  t.end();
});

t.test('what programs report of a full or failing disk is recognised', (t) => {
  const reports: [string, string | undefined][] = [
    ['fatal: unable to write loose object file: No space left on device', 'ENOSPC'],
    ['cc1: error: /tmp/x.s: Disk quota exceeded', 'EDQUOT'],
    ["mkdir: cannot create directory 'x': Read-only file system", 'EROFS'],
    ['cp: error writing: Input/output error', 'EIO'],
    ['x.c:1: error: expected identifier', undefined],
  ];
  for (const [text, code] of reports) t.equal(reportedFault(text), code, text);
  t.throws(() => throwReportedFault('git', reports[0]?.[0] ?? '', join(cacheRoot(), 'sources/x')), {
    exitCode: 3,
    message: /the cache[\s\S]*git: fatal/,
  });
  t.end();
});

t.test('the mount point of a path that does not exist yet is that of its nearest folder', (t) => {
  t.equal(mountPoint('/proc/self/nothing/here'), '/proc');
  const dir = t.testdir({});
  symlinkSync('/nowhere', join(dir, 'broken'));
  const [, mount] = execFileSync('df', ['--output=target', dir], { encoding: 'utf8' }).trim().split('\n');
  t.equal(mountPoint(join(dir, 'broken/x')), mount);
  t.end();
});

t.test('a cache that make cannot build in is refused with the character and the setting', (t) => {
  const refused: [string, RegExp][] = [
    ['/tmp/my cache', /a blank/],
    ['/tmp/a:b', /":"/],
    ['/tmp/a"b', /"\\""/],
    ["/tmp/a'b", /"'"/],
    ['/tmp/a$b', /"\$"/],
    ['/tmp/a#b', /"#"/],
    ['/tmp/a%b', /"%"/],
    ['/tmp/a\nb', /"\\n"/],
    ['/tmp/a\\b', /"\\\\"/],
  ];
  for (const [path, character] of refused) {
    withEnv({ RINGLAB_CACHE: path }, () =>
      t.throws(
        cacheRoot,
        { exitCode: 2, message: new RegExp(`RINGLAB_CACHE: [\\s\\S]*${character.source}[\\s\\S]*make`) },
        path,
      ),
    );
  }
  for (const path of ['/tmp/a,b', '/tmp/größe-ёж', '/tmp/a=b+c@d'])
    t.equal(withEnv({ RINGLAB_CACHE: path }, cacheRoot), path);
  t.equal(withEnv({ RINGLAB_CACHE: 'here' }, cacheRoot), join(process.cwd(), 'here'), 'a relative path');
  const variables = { RINGLAB_CACHE: '', XDG_CACHE_HOME: '/tmp/a b' };
  withEnv(variables, () => t.throws(cacheRoot, { exitCode: 2, message: /^XDG_CACHE_HOME: / }));
  t.end();
});

t.test('temporary files and records may have any path without control characters', (t) => {
  withEnv({ TMPDIR: '/tmp/a b:c,"\'' }, checkTemporaryFolder);
  withEnv({ TMPDIR: '/tmp/a\tb' }, () =>
    t.throws(checkTemporaryFolder, { exitCode: 2, message: /^TMPDIR: [\s\S]*"\\t"/ }),
  );
  t.same(plainProblems('/tmp/a b', '--out'), []);
  t.match(plainProblems('/tmp/a\u001bb', '--out'), [{ where: '--out' }]);
  t.end();
});

/** What `throwConfirmedFault` makes of a report where `folder` is a tmpfs that no other process sees. */
function confirmed(mount: string, folder: string): string {
  const script = `
    import { throwConfirmedFault } from ${JSON.stringify(join(import.meta.dirname, 'storage.ts'))};
    process.env.TMPDIR = process.argv[1];
    const report = 'error: unable to write file: No space left on device';
    await throwConfirmedFault('git', report, process.argv[1]).then(
      () => console.log('not confirmed'), (error) => console.log(error.exitCode, error.message));`;
  const mounted = 'mount -t tmpfs -o "$1" t "$2" && exec "$3" --import tsx --input-type=module -e "$4" "$2"';
  const args = ['-rm', 'sh', '-c', mounted, 'sh', mount, folder, process.execPath, script];
  return execFileSync('unshare', args, { encoding: 'utf8' });
}

t.test('a report that a stranger may have written is a fault only where writing fails too', (t) => {
  const dir = t.testdir({ small: {}, fixed: {}, roomy: {} });
  t.match(
    confirmed('size=1m', join(dir, 'small')),
    /^3 no space is left on the file system .*small, which has temporary files/,
  );
  t.match(confirmed('ro', join(dir, 'fixed')), /^3 the file system is read-only.*fixed/);
  t.match(confirmed('size=200m', join(dir, 'roomy')), /^not confirmed/);
  t.end();
});
