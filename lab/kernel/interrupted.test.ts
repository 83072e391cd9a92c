import { mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { trySandbox } from '../core/sandbox.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { makefileThat } from './fake/tree.ts';
import { buildKernel } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;
const OTHER = { 'src/b.c': 'int other(void) { return 7; }\n' };

/** What a build that is killed leaves in its folder; each command then waits to be killed. */
const MAZES: Record<string, string> = {
  'a link out of the folder': 'ln -s "$OUTSIDE" out',
  'links to themselves':
    'mkdir maze; for name in a b c d e f; do ln -s . maze/$name; ln -s .. maze/$name$name; done',
  'a FIFO and files without permissions':
    'mkfifo pipe.o; mkdir -p shut/inner; echo x >shut/inner/a.o; chmod 000 shut/inner shut',
  'folders deeper than a path can be':
    'i=0; while [ $i -lt 2000 ]; do mkdir deeper; cd deeper; i=$((i+1)); done; cd /',
  '30,000 files': 'mkdir many; cd many; seq 30000 | xargs touch; cd ..',
};

for (const overlays of ['on', 'off'])
  t.test(
    `what an interrupted series leaves is removed, and nothing else (overlays ${overlays})`,
    { skip },
    async (t) => {
      if (overlays === 'off') process.env.RINGLAB_OVERLAYS = 'off';
      t.teardown(() => void delete process.env.RINGLAB_OVERLAYS);
      const { kernel, ctx, request, leftovers, dir, events } = settingOf(t);
      const outside = join(dir, 'outside');
      mkdirSync(outside);
      const precious = join(outside, 'precious.o');
      writeFileSync(precious, 'precious');
      utimesSync(precious, 4e9, 4e9);
      const source = kernel.commit('base', SOURCES);
      await buildKernel(source, request, ctx);
      for (const [what, command] of Object.entries(MAZES)) {
        // make prints the output of a target when it is done: the object is announced when the folder is as it should be.
        const script = `(${command.replace('$OUTSIDE', outside)}); true`.split('$').join('$$');
        const folder = '\t@mkdir -p $(@D)\n';
        const Makefile = makefileThat('sleep 1000').replace(folder, () => `${folder}\t@${script}\n`);
        const tree = kernel.patched(source, what, { Makefile, 'src/a.c': 'int evil;\n' });
        const abort = new AbortController();
        const emit = (event: (typeof events)[number]) => {
          if (event.type === 'kernel.progress' && event.target === 'src/a.o')
            abort.abort(new Error('stopped'));
        };
        await t.rejects(
          buildKernel(tree, request, { emit, signal: abort.signal }),
          { message: 'stopped' },
          what,
        );
        t.same(leftovers(), [], what);
        t.equal(readFileSync(precious, 'utf8'), 'precious', what);
      }
      t.match(await buildKernel(kernel.patched(source, 'other', OTHER), request, ctx), { cached: false });
    },
  );

t.test('what a killed lab left of a build is removed by the next', { skip }, async (t) => {
  const { kernel, ctx, request, leftovers, dir } = settingOf(t);
  const source = kernel.commit('base', SOURCES);
  await buildKernel(source, request, ctx);
  const stale = join(dir, 'work/private-dead');
  mkdirSync(join(stale, 'objects'), { recursive: true });
  const precious = join(dir, 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(dir, join(stale, 'objects/out'));
  mkdirSync(`${stale}.lock`);
  utimesSync(`${stale}.lock`, 1e9, 1e9);
  await buildKernel(kernel.patched(source, 'other', OTHER), request, ctx);
  t.same(leftovers(), []);
  t.equal(readFileSync(precious, 'utf8'), 'precious');
});
