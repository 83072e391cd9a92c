import t from 'tap';
import { trySandbox } from '../core/sandbox.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { makefileThat } from './fake/tree.ts';
import { buildEach } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

t.test(
  'a patch that leaves a maze as its .config does not stop the build of the next one',
  { skip },
  async (t) => {
    const { kernel, ctx, request, leftovers } = settingOf(t);
    const source = kernel.commit('base', SOURCES);
    const code = '$n = "f" x 250; for (1 .. 40) { mkdir $n; chdir $n } chmod 0, "."';
    const maze = `rm .config; mkdir .config; cd .config; perl -e '${code}'`;
    const first = kernel.patched(source, 'first', { Makefile: makefileThat(maze) });
    const second = kernel.patched(source, 'second', { 'src/a.c': 'int a(void) { return 5; }\n' });
    const results = await buildEach([first, second], request, ctx);
    t.match(results, [{ name: 'first' }, { name: 'second', ok: true }]);
    t.same(leftovers(), []);
  },
);
