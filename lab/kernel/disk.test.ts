import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import { trySandbox } from '../core/sandbox.ts';
import { asReported } from '../core/storage.ts';
import { DiskLimit } from './disk.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { makefileThat } from './fake/tree.ts';
import { buildEach, buildKernel } from './index.ts';

const MiB = 2 ** 20;

function write(file: string, bytes: number): number {
  const fd = openSync(file, 'w');
  for (let written = 0; written < bytes; written += MiB) writeSync(fd, Buffer.alloc(MiB, 1));
  return fd;
}

/** A folder of objects of 1 MiB, and one in which a build may write that and 2 MiB, in ten files. */
function limited(t: Test) {
  const dir = t.testdir({ source: {}, build: {} });
  closeSync(write(join(dir, 'source/a.o'), MiB));
  const folder = join(dir, 'build');
  return { folder, limit: new DiskLimit(folder, join(dir, 'source'), { bytes: 2 * MiB, files: 10 }) };
}

t.test('a build may write its allowance and three times the size of the objects of its source', async (t) => {
  const { folder, limit } = limited(t);
  closeSync(write(join(folder, 'a'), 4 * MiB));
  t.equal(await limit.excess(), undefined);
  t.match(
    await limit.excess(2 * MiB),
    /^writes more than 0\.0 GiB to the disk$/,
    'with a file without a name',
  );
  closeSync(write(join(folder, 'b'), 2 * MiB));
  t.match(await limit.excess(), /^writes more than/);
});

t.test('files in folders without permissions count, and so do empty files', async (t) => {
  const { folder, limit } = limited(t);
  const dark = join(folder, 'dark');
  mkdirSync(dark);
  for (let n = 0; n < 16; n++) closeSync(write(join(dark, `${n}`), 0));
  chmodSync(dark, 0);
  const excess = await limit.excess();
  chmodSync(dark, 0o700);
  t.match(excess, /^leaves more than 16 files$/);
});

t.test('a watch fires when a build exceeds its limit, and says how', async (t) => {
  const { folder, limit } = limited(t);
  using watch = limit.watch();
  t.equal(await watch.excess(), undefined);
  closeSync(write(join(folder, 'a'), 400 * MiB));
  await new Promise((resolve) => watch.signal.addEventListener('abort', resolve, { once: true }));
  t.match(await watch.excess(), /^writes more than/);
});

t.test('a file that a build has removed and kept open counts once the build has ended', async (t) => {
  const { folder, limit } = limited(t);
  using watch = limit.watch();
  const fd = write(join(folder, 'a'), 600 * MiB);
  rmSync(join(folder, 'a'));
  await watch.look();
  t.notOk(watch.signal.aborted, 'another program may have written it');
  closeSync(fd);
  t.match(await watch.excess(), /^writes more than/);
});

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;
const FILL = 'for n in 1 2 3; do head -c 1G /dev/zero >fill$n || break; done; sleep 60';

t.test('a patch that fills the disk is to blame, and the next patch is built', { skip }, async (t) => {
  const { kernel, ctx, request, leftovers } = settingOf(t);
  const base = kernel.commit('base', SOURCES);
  const filling = kernel.patched(base, 'filling', { Makefile: makefileThat(FILL) });
  const next = kernel.patched(base, 'next', { 'src/a.c': 'int a(void) { return 2; }\n' });
  const steps = await buildEach([filling, next], request, ctx);
  const message = 'filling does not build: its build writes more than 2.0 GiB to the disk';
  t.match(steps, [{ ok: false, error: { message } }, { ok: true }]);
  t.same(leftovers(), []);
});

const isRoot = process.getuid?.() === 0;
const noMount = isRoot ? false : 'only root mounts a small file system';
t.test(
  'a disk that is too small for a build is the fault of the machine, and is named',
  { skip: skip || noMount },
  async (t) => {
    const { dir, kernel, ctx, request } = settingOf(t);
    const base = kernel.commit('base', SOURCES);
    await buildKernel(base, request, ctx);
    const disk = join(dir, 'small');
    mkdirSync(disk);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=400M', 'none', disk]);
    try {
      await run('cp', ['-a', join(dir, 'work'), disk]);
      const filling = kernel.patched(base, 'filling', { Makefile: makefileThat(FILL) });
      const build = buildKernel({ ...filling, workDir: join(disk, 'work') }, request, ctx);
      const error = await build.catch(asReported);
      t.type(error, LabError);
      t.match(`${error}`, `no space is left on the file system ${disk}`);
    } finally {
      await run('umount', ['--lazy', disk]);
    }
  },
);
