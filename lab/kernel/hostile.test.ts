import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findProgram } from '../core/program.ts';
import { protections, trySandbox } from '../core/sandbox.ts';
import { FakeKernel, fakeMakefile } from './fake/tree.ts';
import { buildKernel } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

/** A build, in the test's folder, of a tree whose Makefile runs `recipe` when it links; what that prints is `report`. */
async function buildWith(t: Test, recipe: string, files: Record<string, string> = {}) {
  const dir = t.testdirName;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const kernel = new FakeKernel(dir);
  const link = "\t@echo '  LD      vmlinux'\n";
  const Makefile = fakeMakefile().replace(link, () => `${link}\t@{ ${recipe}; } || true\n`);
  t.match(Makefile, recipe, 'the Makefile runs the recipe');
  const ctx = { signal: new AbortController().signal, emit: () => {} };
  const request = { start: 'tinyconfig', fragments: [kernel.fragment('mine', '')], debug: false };
  const tree = kernel.commit('hostile', { 'src/a.c': 'int a;\n', Makefile, ...files });
  const build = await buildKernel(tree, request, ctx);
  return { dir, build, log: readFileSync(build.log, 'utf8') };
}

t.test(
  'a Makefile that remounts the host and leaves its files there changes nothing outside',
  { skip },
  async (t) => {
    const outside = join(t.testdir({ outside: { precious: 'kept\n' } }), 'outside');
    const recipe = [
      'mount -n -o remount,bind,rw /',
      'mount -n -o remount,bind,rw $(srctree)',
      `umount -n -l /tmp`,
      `mkdir -p '${outside}'`,
      `echo taken >'${outside}/precious'`,
      `touch '${outside}/made' $(srctree)/made`,
    ].join('; ');
    const { build, dir } = await buildWith(t, recipe);
    t.notOk(existsSync(join(outside, 'made')), 'a file outside');
    t.equal(readFileSync(join(outside, 'precious'), 'utf8'), 'kept\n');
    t.notOk(existsSync(join(dir, 'work/tree/made')), 'a file in the source tree');
    t.match(build, { sandboxed: true });
    for (const name of ['no capabilities', 'escape self-test passed'])
      t.ok(build.protections?.includes(name), name);
  },
);

t.test('a Makefile sees neither home nor cache, sockets and environment of the lab', { skip }, async (t) => {
  const outside = join(t.testdir({ outside: { secret: 'of the user\n' } }), 'outside');
  const socket = join('/tmp', `ringlab-hostile-${process.pid}`);
  const server = createServer().listen(socket);
  t.teardown(() => server.close());
  process.env.RINGLAB_TOKEN = 'of the user';
  const recipe = [
    `cat '${outside}/secret' /etc/shadow $$HOME/.ssh/id_rsa`,
    `ls -a /root /home /var /run /sys`,
    `test -e '${socket}' && echo socket visible`,
    `cat /proc/1/environ | tr '\\0' '\\n' | grep RINGLAB_TOKEN`,
    'echo looked',
  ].join('; ');
  const { log } = await buildWith(t, `{ ${recipe}; } 2>/dev/null`);
  t.match(log, /looked/, 'the recipe ran');
  t.notMatch(log, /of the user|root:|socket visible|RINGLAB_TOKEN|\.bashrc/);
});

t.test('Kconfig and header targets of a hostile tree run in the sandbox too', { skip }, async (t) => {
  const dir = t.testdir({ outside: {} });
  const outside = join(dir, 'outside');
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const kernel = new FakeKernel(dir);
  const put = (name: string) =>
    `mkdir -p '${outside}'; touch '${outside}/${name}'; mount -n -o remount,bind,rw /`;
  const Makefile = fakeMakefile()
    .replace(
      'tinyconfig:\n',
      () => `$(shell ${put('parsed')})\ntinyconfig:\n\t@${put('configured')} || true\n`,
    )
    .replace('headers:\n', () => `headers:\n\t@${put('headers')} || true\n`);
  const tree = kernel.commit('hostile', { 'src/a.c': 'int a;\n', Makefile });
  const request = { start: 'tinyconfig', fragments: [kernel.fragment('mine', '')], debug: false };
  await buildKernel(tree, request, { signal: new AbortController().signal, emit: () => {} });
  for (const name of ['parsed', 'configured', 'headers']) t.notOk(existsSync(join(outside, name)), name);
});

t.test('a line of 200 MB in the output of a build is cut in its log', { skip }, async (t) => {
  const before = process.memoryUsage.rss();
  t.testdir();
  const { build } = await buildWith(t, `head -c 200000000 /dev/zero | tr '\\0' y`);
  t.ok(statSync(build.log).size < 1 << 20, 'bytes of the log');
  t.ok(process.memoryUsage.rss() - before < 300 << 20, 'memory that the lab needs more');
});

/** Puts a folder in front of PATH for one test. */
function putFirst(t: Test, bin: string): void {
  const path = process.env.PATH;
  t.teardown(() => {
    process.env.PATH = path;
  });
  process.env.PATH = `${bin}:${path}`;
}

const hasMemoryLimit = (await protections()).some((name) => name.startsWith('memory limit (cgroup'));
const noMemoryLimit = hasMemoryLimit ? false : 'this user has no cgroup with a memory limit';

t.test(
  'a build that needs too much memory is the fault of the tree, even if its make succeeds',
  { skip: skip || noMemoryLimit },
  async (t) => {
    // A bubblewrap that lowers the limit of the sandbox's cgroup, so that the test needs no memory of the machine.
    const script = `#!/bin/bash
while IFS=: read -r number names path; do
  case $names in
    memory) echo 100M >"/sys/fs/cgroup/memory$path/memory.limit_in_bytes" ;;
    '') [ ! -e "/sys/fs/cgroup$path/memory.max" ] || echo 100M >"/sys/fs/cgroup$path/memory.max" ;;
  esac
done </proc/self/cgroup
exec '${findProgram('bwrap')}' "$@"`;
    const bin = join(t.testdir({ bin: { bwrap: script } }), 'bin');
    chmodSync(join(bin, 'bwrap'), 0o755);
    putFirst(t, bin);
    const building = buildWith(t, `perl -e '$$x = "x" x (300 << 20)'`);
    await t.rejects(building, { verdict: 'build-failed', exitCode: 1, message: /needs too much memory/ });
  },
);

t.test('a build that cannot be sandboxed is the fault of the lab', { skip }, async (t) => {
  // A bubblewrap that fails for builds only.
  const script = `#!/bin/sh
case "$*" in *vmlinux*) echo 'bwrap: no namespaces left' >&2; exit 1 ;; esac
exec '${findProgram('bwrap')}' "$@"`;
  const bin = join(t.testdir({ bin: { bwrap: script } }), 'bin');
  chmodSync(join(bin, 'bwrap'), 0o755);
  putFirst(t, bin);
  await t.rejects(buildWith(t, 'true'), {
    exitCode: 3,
    message: /the sandbox failed: bwrap: no namespaces left/,
  });
});

t.test('output beyond the limit is the fault of the tree', { skip }, async (t) => {
  for (const [output, message] of [
    ["yes 'a line of a hostile tree that is printed without end'", /prints more than 4000000 lines/],
    ["yes $$(head -c 5000 /dev/zero | tr '\\0' x)", /prints more than 256 MiB/],
  ] as const) {
    t.testdir();
    await t.rejects(buildWith(t, output), { verdict: 'build-failed', exitCode: 1, message });
  }
});
