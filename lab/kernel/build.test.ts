import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { watch } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { InputError, VerdictError } from '../core/errors.ts';
import { hashFile } from '../core/hash.ts';
import { type SandboxPolicy, trySandbox } from '../core/sandbox.ts';
import { hostArch } from '../model/arch.ts';
import type { EventBody, EventOf } from '../model/event.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import { FakeKernel, fakeMakefile } from './fake/tree.ts';
import { buildEach, buildKernel } from './index.ts';

const arch = hostArch();
const IMAGE = arch.kernel.image.file;
const clean = { 'src/a.c': 'int a(void) { return 1; }\n', 'src/b.c': 'const char *b = __FILE__;\n' };
const WARNING = 'int a(void) { int unused; return 1; }\n';

function set(t: { testdir(): string }, fragment = 'CONFIG_NVME=y\n') {
  const dir = t.testdir();
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const kernel = new FakeKernel(dir);
  const events: EventBody[] = [];
  const abort = new AbortController();
  const ctx = { signal: abort.signal, emit: (event: EventBody) => void events.push(event) };
  const request: KernelConfigRequest = {
    start: 'tinyconfig',
    fragments: [kernel.fragment('mine', fragment)],
    debug: false,
  };
  const progress = () =>
    events.filter((event): event is EventOf<'kernel.progress'> => event.type === 'kernel.progress');
  const compiled = () => progress().map(({ target }) => target);
  return { dir, kernel, events, abort, ctx, request, progress, compiled };
}

t.test('a build is stored completely and the second request for it compiles nothing', async (t) => {
  const { kernel, ctx, request, progress, compiled, events } = set(t, 'CONFIG_NVME=y\nCONFIG_EXTRA=m\n');
  const tree = kernel.commit('base', clean);
  const build = await buildKernel(tree, request, ctx, { jobs: 1 });
  t.match(build, { release: '6.12.0-fake', cached: false, warnings: [], name: 'base' });
  t.match(JSON.parse(readFileSync(join(build.dir, 'build.json'), 'utf8')), {
    arch: arch.name,
    key: build.key,
  });
  const files = ['System.map', 'build.json', 'build.log', 'config', 'headers', 'modules', 'uapi.json'];
  t.same(readdirSync(build.dir).sort(), [...files, 'vmlinux'].sort());
  t.match(readFileSync(build.config, 'utf8'), /CONFIG_NVME=y/);
  t.match(readFileSync(build.log, 'utf8'), / {2}CC {6}src\/a\.o/);
  t.match(JSON.parse(readFileSync(build.uapi, 'utf8')), {
    release: '6.12.0-fake',
    constants: { IORING_OP_NOP: 0, IORING_OP_LAST: 7 },
    structs: { io_uring_sqe: { size: 8, fields: { fd: { offset: 4, size: 4 } } } },
  });
  t.ok(existsSync(join(build.dir, 'modules/lib/modules/mod.ko')));
  t.ok(
    progress().some(({ total }) => total !== undefined),
    'the first build has an estimated total',
  );
  t.same(events[0], { type: 'kernel.start', kernel: 'base', compiler: build.compiler });
  t.same(events.at(-1), { type: 'kernel.end', kernel: 'base', outcome: 'built', seconds: build.seconds });
  events.length = 0;
  const again = await buildKernel(tree, request, ctx);
  t.same({ ...again, cached: false }, build);
  t.same([again.cached, compiled()], [true, []]);
  t.same(events, []);
});

t.test('the compressed image is made when it is asked for, and stored with the kernel', async (t) => {
  const { kernel, ctx, request, compiled, events } = set(t);
  const tree = kernel.commit('base', clean);
  const plain = await buildKernel(tree, request, ctx, { jobs: 1 });
  t.equal(plain.bootImage, undefined);
  events.length = 0;
  const build = await buildKernel(tree, request, ctx, { jobs: 1, bootImage: true });
  t.same(compiled(), [IMAGE], 'the kernel itself is not built again');
  t.equal(build.bootImage, join(build.dir, basename(IMAGE)));
  t.same(readFileSync(build.bootImage ?? ''), readFileSync(build.vmlinux), 'image of the fake kernel');
  t.not(build.key, plain.key);
  events.length = 0;
  t.match(await buildKernel(tree, request, ctx, { bootImage: true }), {
    cached: true,
    bootImage: build.bootImage,
  });
  t.same(compiled(), []);
});

t.test('a series is built in the object folder of its base, and compiles only what it changes', async (t) => {
  const { kernel, ctx, request, progress, compiled, events } = set(t);
  const base = await buildKernel(kernel.commit('base', clean), request, ctx, { jobs: 1 });
  events.length = 0;
  const tree = kernel.commit('base+fix', { 'src/a.c': WARNING });
  const build = await buildKernel(tree, request, ctx, { jobs: 1, base });
  t.same(compiled(), ['src/a.o', 'vmlinux']);
  t.ok(
    progress().every(({ total }) => total === undefined),
    'an incremental build has no total',
  );
  const output = events.filter(({ type }) => type === 'kernel.output');
  t.match(output, [{ kernel: 'base+fix', line: /^src\/a\.c:1:\d+: warning: unused variable 'unused'/ }]);
  t.same(build.newWarnings, ["src/a.c: unused variable 'unused' [-Wunused-variable]"]);
  t.same(base.newWarnings, undefined);
  t.not(build.key, base.key);
  const more = kernel.commit('base+fix2', { 'src/b.c': 'int b2;\n' });
  const later = await buildKernel(more, request, ctx, { jobs: 1, base: build });
  t.same(later.warnings, build.warnings, 'warnings of objects that were not compiled again');
  t.same(later.newWarnings, []);
});

t.test('a warning is no longer reported when its cause is removed', async (t) => {
  const { kernel, ctx, request } = set(t);
  await buildKernel(kernel.commit('base', { ...clean, 'src/a.c': WARNING }), request, ctx);
  t.same((await buildKernel(kernel.commit('fixed', clean), request, ctx)).warnings, []);
});

t.test('every option that does not take is an InputError with its unmet dependency', async (t) => {
  const { kernel, ctx, request } = set(t, 'CONFIG_MULTIPATH=y\nCONFIG_NOSUCH=y\n# CONFIG_GONE is not set\n');
  const tree = kernel.commit('base', clean);
  const error = await buildKernel(tree, request, ctx).catch((thrown) => thrown);
  t.ok(error instanceof InputError);
  t.same(
    error.problems.map(({ what }: { what: string }) => what),
    [
      'CONFIG_MULTIPATH=y did not take, it is n: unmet dependency: NVME (NVME=n)',
      'CONFIG_NOSUCH=y: this kernel has no such option',
    ],
  );
  t.match(error.problems[0].where, /mine\.config:1$/);
  t.match(error.problems[0].fix, /Kconfig:4/);
});

t.test('a request with several unreadable files is one InputError with all of them', async (t) => {
  const { kernel, ctx, request } = set(t, 'CONFIG_NVME=y\nNVME=y\n');
  const tree = kernel.commit('base', clean);
  const wrong = { ...request, start: '/nowhere', fragments: ['ghost', ...request.fragments] };
  const error = await buildKernel(tree, wrong, ctx).catch((thrown) => thrown);
  t.ok(error instanceof InputError);
  t.equal(error.problems.length, 3);
  t.match(
    error.message,
    /no config file \/nowhere[\s\S]*no config fragment ghost[\s\S]*guest[\s\S]*mine\.config:2: not a config line/,
  );
});

t.test(
  'a kernel that does not build fails with file, line and message, and the next tree builds',
  async (t) => {
    const { kernel, ctx, request, dir } = set(t);
    await buildKernel(kernel.commit('base', clean), request, ctx);
    const broken = kernel.commit('broken', { 'src/a.c': '\nint a(void) { return nvme_path; }\n' });
    const error = await buildKernel(broken, request, ctx).catch((thrown) => thrown);
    t.ok(error instanceof VerdictError);
    t.match(error, {
      verdict: 'build-failed',
      message: /^broken does not build: src\/a\.c:2: 'nvme_path' undeclared/,
    });
    t.match(error.detail, /return nvme_path/);
    t.notOk(error.detail.includes(dir), 'no path of this machine');
    t.notMatch(error.detail, /\.\.\/tree/);
    const unlinked = kernel.commit('unlinked', {
      'src/a.c': 'int b;\n',
      'src/b.c': 'int b = 1;\n',
      'src/c.c': 'int b = 2;\n',
    });
    await t.rejects(buildKernel(unlinked, request, ctx), {
      message: /unlinked does not build: ld: .*multiple definition of `b'/,
    });
    t.match(await buildKernel(kernel.commit('good', { ...clean, 'src/c.c': null }), request, ctx), {
      warnings: [],
    });
  },
);

t.test('buildEach builds after each patch and reports which tree does not build', async (t) => {
  const { kernel, ctx, request } = set(t);
  const base = await buildKernel(kernel.commit('base', clean), request, ctx);
  const steps = [
    kernel.commit('1', { 'src/a.c': WARNING }),
    kernel.commit('2', { 'src/b.c': 'int b(void) { return }\n' }),
    kernel.commit('3', { 'src/b.c': 'int b;\n' }),
  ];
  const results = await buildEach(steps, request, ctx, { base });
  t.match(results, [
    { name: '1', ok: true, newWarnings: [/unused variable/] },
    { name: '2', ok: false, error: { message: /src\/b\.c:1: expected expression/ } },
    { name: '3', ok: true, newWarnings: [], warnings: [/unused variable/] },
  ]);
});

t.test('the build after an aborted one compiles the rest and rebuilds a half-written object', async (t) => {
  const { kernel, ctx, request, abort, compiled, events, dir } = set(t);
  const tree = kernel.commit('base', { ...clean, 'src/c.c': '/* slow: 2 */ int c_is_whole;\n' });
  const stopped = buildKernel(tree, request, ctx, { jobs: 1 }).catch((error) => error);
  // The object folder exists once an object in it was made.
  const objects = await new Promise<string>((resolve) => {
    const { emit } = ctx;
    ctx.emit = (event) => {
      emit(event);
      if (event.type !== 'kernel.progress' || event.target !== 'src/b.o') return;
      resolve(
        join(dir, 'work', readdirSync(join(dir, 'work')).find((name) => /^obj-\w+$/.test(name)) ?? '', 'src'),
      );
    };
  });
  const half = join(objects, 'c.o');
  const changes = watch(objects, { signal: AbortSignal.timeout(10_000) });
  if (!existsSync(half)) for await (const _ of changes) if (existsSync(half)) break;
  abort.abort(new Error('stopped by the user'));
  t.match(await stopped, { message: 'stopped by the user' });
  t.same(events.at(-1), { type: 'kernel.end', kernel: 'base', outcome: 'stopped' });
  // What SIGKILL would leave: on SIGTERM make may have had time to delete the object.
  writeFileSync(half, 'half');
  writeFileSync(join(dir, 'work/tree.git/index.lock'), '');
  events.length = 0;
  const again = { emit: ctx.emit, signal: new AbortController().signal };
  const build = await buildKernel(tree, request, again, { jobs: 1 });
  t.same(compiled(), ['src/c.o', 'vmlinux']);
  t.ok(readFileSync(build.vmlinux).includes('c_is_whole'));
});

t.test('an interrupted checkout is repaired before the next build', async (t) => {
  const { kernel, ctx, request, dir } = set(t);
  await buildKernel(kernel.commit('base', clean), request, ctx);
  const work = join(dir, 'work');
  writeFileSync(join(work, 'tree/src/a.c'), 'torn');
  writeFileSync(join(work, 'tree/src/stray.c'), 'also torn');
  writeFileSync(join(work, 'tree.git/index'), 'torn');
  writeFileSync(join(work, 'tree.git/index.lock'), '');
  writeFileSync(join(work, 'tree.json'), '{"commit":"');
  const build = await buildKernel(kernel.commit('next', { 'src/b.c': 'int b2;\n' }), request, ctx);
  t.same(build.warnings, []);
  t.notOk(existsSync(join(work, 'tree/src/stray.c')));
});

const builder = (
  tree: unknown,
  request: unknown,
  env: NodeJS.ProcessEnv = process.env,
  policy: SandboxPolicy = {},
) =>
  promisify(execFile)(
    process.execPath,
    ['--import=tsx', join(import.meta.dirname, 'fake/builder.ts'), JSON.stringify([tree, request, policy])],
    { env },
  ).then(({ stdout }) => JSON.parse(stdout));

t.test('of two processes that want one kernel, one builds it and the other waits for it', async (t) => {
  const { kernel, request } = set(t);
  const tree = kernel.commit('base', { ...clean, 'src/c.c': '/* slow: 1 */ int c;\n' });
  const builds = await Promise.all([builder(tree, request), builder(tree, request)]);
  t.same(builds.map(({ cached }) => cached).sort(), [false, true]);
  t.equal(builds[0].dir, builds[1].dir);
});

t.test(
  'builds with the same key are identical: full or incremental, sandboxed or not, in any folder',
  async (t) => {
    const { kernel, ctx, request, dir } = set(t);
    await buildKernel(kernel.commit('base', clean), request, ctx);
    const tree = kernel.commit('patched', { 'src/a.c': 'int a(void) { return 2; }\n' });
    const incremental = await buildKernel(tree, request, ctx);
    // A PATH with the tools that the lab runs itself, but without bwrap.
    const bin = join(dir, 'bin');
    mkdirSync(bin);
    for (const tool of ['cp', 'find', 'git', 'rm', 'setpriv'])
      symlinkSync(`/usr/bin/${tool}`, join(bin, tool));
    const env = { ...process.env, PATH: bin, RINGLAB_CACHE: join(dir, 'other/cache'), SECRET: 'of the host' };
    const elsewhere = { ...tree, workDir: join(dir, 'elsewhere/work') };
    await t.rejects(
      builder(elsewhere, request, env),
      /sandbox does not work: bwrap: command not found[\s\S]*--unsafe-no-sandbox/,
    );
    const full = await builder(elsewhere, request, env, { unsafeNoSandbox: true });
    t.equal(full.key, incremental.key);
    t.equal(await hashFile(full.vmlinux), await hashFile(incremental.vmlinux));
    t.match(full, { sandboxed: false, protections: [] });
    t.notMatch(readFileSync(full.systemMap, 'utf8'), /SECRET/, 'the environment is clean');
  },
);

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;
t.test('a sandboxed build has no network and a read-only source tree', { skip }, async (t) => {
  const { kernel, ctx, request } = set(t);
  const build = await buildKernel(kernel.commit('base', clean), request, ctx);
  t.ok(build.sandboxed);
  t.equal(
    readFileSync(build.systemMap, 'utf8'),
    'tree read-only\ninterfaces lo\nbuilt 2025-01-01 by ringlab\n',
  );
});

t.test('symbolic links that a build leaves are not followed', async (t) => {
  const { kernel, ctx, request, dir } = set(t);
  const { key } = await buildKernel(kernel.commit('base', clean), request, ctx);
  const userFile = join(dir, 'mine.txt');
  writeFileSync(userFile, 'precious');
  const objects = readdirSync(join(dir, 'work')).find((name) => /^obj-\w+$/.test(name)) ?? '';
  rmSync(join(dir, 'work', objects, '.config'));
  symlinkSync(userFile, join(dir, 'work', objects, '.config'));
  const next = await buildKernel(kernel.commit('next', { 'src/a.c': 'int a2;\n' }), request, ctx);
  t.equal(readFileSync(userFile, 'utf8'), 'precious');
  const evil = fakeMakefile().replace('@cp vmlinux $(image_file)', '@ln -sf /etc/passwd $(image_file)');
  await t.rejects(buildKernel(kernel.commit('evil', { Makefile: evil }), request, ctx, { bootImage: true }), {
    message: /no regular file/,
  });
  const stored = readdirSync(join(dir, 'cache/kernels')).filter((name) => !name.includes('.lock'));
  t.same(stored.sort(), [key, next.key].sort());
});
