import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { LabError } from '../core/errors.ts';
import type { EventBody } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import { installModules, unpackScript } from './modules.ts';
import { localGuest } from './testing/local-guest.ts';

const DEVNAME = '# Device nodes\nloop loop-control c10:237\nsnd snd/seq c116:1\nodd odd x1:2\n';

/** A stored kernel with modules, a folder that is the guest's root, and a mknod that only notes its arguments. */
function fixture(t: Test) {
  const dir = t.testdir({
    kernel: {
      modules: { lib: { modules: { [release()]: { 'toy.ko': 'code', 'modules.devname': DEVNAME } } } },
    },
    root: { run: {}, dev: {} },
    bin: { mknod: t.fixture('file', '#!/bin/sh\necho "$@" >>"$MKNOD_LOG"\n') },
    scratch: {},
  });
  execFileSync('chmod', ['+x', join(dir, 'bin/mknod')]);
  const before = { ...process.env };
  process.env.PATH = `${join(dir, 'bin')}:${process.env.PATH}`;
  process.env.MKNOD_LOG = join(dir, 'nodes');
  t.teardown(() => {
    process.env = before;
  });
  const root = join(dir, 'root');
  const events: EventBody[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  const guest: Guest = {
    ...localGuest,
    push: async (files) => {
      for (const { from, to } of files) cpSync(from as string, join(root, to));
    },
    // The script for the real root of a guest is run in ours.
    exec: (command, options) =>
      localGuest.exec(command === unpackScript() ? unpackScript(root) : command, options),
  };
  const kernel = { key: 'k', dir: '', vmlinux: '', uapi: '', modules: join(dir, 'kernel/modules') };
  return { dir, root, events, ctx, guest, kernel, scratch: join(dir, 'scratch') };
}

t.test('a guest gets the modules of its kernel and the nodes that load modules', async (t) => {
  const h = fixture(t);
  await installModules(h.guest, h.kernel, h.scratch, h.ctx);
  t.equal(readFileSync(join(h.root, 'lib/modules', release(), 'toy.ko'), 'utf8'), 'code');
  const nodes = readFileSync(join(h.dir, 'nodes'), 'utf8').trim().split('\n');
  t.same(nodes, [`${h.root}/dev/loop-control c 10 237`, `${h.root}/dev/snd/seq c 116 1`]);
  t.same(readdirSync(join(h.root, 'run')), [], 'the archive is gone');
  t.same(readdirSync(join(h.root, 'dev')), ['snd']);
});

t.test('a kernel without modules changes nothing in its guest', async (t) => {
  const h = fixture(t);
  const { modules: _modules, ...kernel } = h.kernel;
  await installModules(h.guest, kernel, h.scratch, h.ctx);
  t.notOk(existsSync(join(h.root, 'lib')));
});

t.test('modules that are too large for the memory of a guest are left out with a note', async (t) => {
  const h = fixture(t);
  truncateSync(join(h.kernel.modules, 'lib/modules', release(), 'toy.ko'), 65 << 20);
  await installModules(h.guest, h.kernel, h.scratch, h.ctx);
  t.match(h.events, [{ type: 'note', note: { code: 'guest.modules', subject: 'kernels/k', megabytes: 68 } }]);
  t.notOk(existsSync(join(h.root, 'lib')));
});

t.test('modules that cannot be unpacked are a LabError', async (t) => {
  const h = fixture(t);
  const guest = { ...h.guest, push: async () => {} };
  await t.rejects(installModules(guest, h.kernel, h.scratch, h.ctx), LabError);
});
