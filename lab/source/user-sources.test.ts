import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { InputError, LabError } from '../core/errors.ts';
import type { EventBody } from '../model/event.ts';
import { addSource, dropSource, listSources, resolveSource, updateSources } from './index.ts';

/** A folder with a toy kernel, its tarball and an empty cache. */
function fixture(t: Test) {
  const dir = t.testdir({ cache: {}, linux: { Makefile: 'VERSION = 7\n', Kconfig: 'mainmenu "toy"\n' } });
  const before = process.env.RINGLAB_CACHE;
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  t.teardown(() => {
    if (before === undefined) delete process.env.RINGLAB_CACHE;
    else process.env.RINGLAB_CACHE = before;
  });
  const tarball = join(dir, 'linux.tar.gz');
  execFileSync('tar', ['-czf', tarball, '-C', dir, 'linux']);
  const content = readFileSync(tarball);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const events: EventBody[] = [];
  const ctx = { signal: new AbortController().signal, emit: (event: EventBody) => void events.push(event) };
  return { dir, tarball, content, sha256, events, ctx, tree: join(dir, 'linux') };
}

const problemsOf = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.catch((thrown: unknown) => thrown);
  return error instanceof InputError ? error.problems : error;
};

/** A server of one file on the loopback. `answer` may give another answer to a request, by its number. */
async function serve(t: Test, answer: (response: ServerResponse, request: number) => void): Promise<string> {
  let requests = 0;
  const server = createServer((_request, response) => answer(response, ++requests));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/linux.tar.gz`;
}

t.test(
  'a source that was added resolves by its name, is listed, and is gone after its removal',
  async (t) => {
    const h = fixture(t);
    await addSource({ name: 'mine', tree: h.tree, summary: 'my tree' }, h.ctx);
    await addSource({ name: 'ball', tarball: h.tarball, sha256: h.sha256.toUpperCase() }, h.ctx);
    const [tree, ball] = [
      await resolveSource({ kernel: 'mine' }, h.ctx),
      await resolveSource({ kernel: 'ball' }, h.ctx),
    ];
    t.same([tree.name, ball.name], ['mine', 'ball']);
    t.equal(tree.tree, ball.tree);
    const list = await listSources(h.ctx);
    t.match(
      list.filter(({ from }) => from === 'user'),
      [
        { name: 'mine', summary: 'my tree', path: h.tree, ready: true },
        { name: 'ball', path: h.tarball, sha256: h.sha256, ready: true },
      ],
    );
    t.ok(
      list.find(({ name }) => name === 'debian-6.12'),
      'those of ringlab are listed too',
    );
    t.match(await dropSource('mine', h.ctx), { name: 'mine', path: h.tree });
    t.match(await problemsOf(resolveSource({ kernel: 'mine' }, h.ctx)), [
      { what: 'there is no kernel "mine"' },
    ]);
    t.equal(readdirSync(h.tree).length, 2, 'the tree stays');
  },
);

t.test('every mistake in a new source is reported, and nothing is kept', async (t) => {
  const h = fixture(t);
  const add = (source: Omit<Parameters<typeof addSource>[0], 'name'>, name = 'x') =>
    problemsOf(addSource({ name, ...source }, h.ctx));
  t.match(await add({}, '../x'), [{ what: /"\.\.\/x" cannot be/ }, { what: /no place/ }]);
  t.match(await add({ tarball: 'a', tree: 'b' }), [{ what: /more than one place/, expected: /exactly one/ }]);
  t.match(await add({ tree: h.tree, suite: 'sid', sha256: 'ab' }), [
    { where: '--suite' },
    { where: '--sha256' },
    { what: /"ab" is no SHA-256/ },
  ]);
  t.match(await add({ tarball: 'https://x.invalid/a.tar.xz' }), [
    { where: '--sha256', expected: /sha256sum/ },
  ]);
  t.match(await add({ tarball: 'ftp://x.invalid/a.tar.xz' }), [
    { where: '--tarball' },
    { where: '--sha256' },
  ]);
  t.match(await add({ package: 'Linux Source', suite: 'Sid!' }), [
    { what: /^package: / },
    { what: /^suite: / },
  ]);
  t.match(await add({ tree: join(h.dir, 'none') }), [{ where: join(h.dir, 'none') }]);
  t.match(await add({ tree: h.tarball }), [{ what: 'it is a file', fix: /--tarball/ }]);
  t.match(await add({ tarball: h.tree }), [{ what: 'it is a folder', fix: /--tree/ }]);
  t.match(await add({ tarball: h.tarball, sha256: '0'.repeat(64) }), [
    { what: `its SHA-256 is ${h.sha256}` },
  ]);
  t.match(await add({ tree: h.tree }, 'debian-6.12'), [{ what: /of ringlab/, fix: 'choose another name' }]);
  t.notOk(readdirSync(join(h.dir, 'cache')).includes('sources.yaml'));
  t.same(await add({ tree: h.tree }), { name: 'x', from: 'user', path: h.tree, summary: '' });
  t.match(await add({ tree: h.tree }), [{ what: /already/, fix: 'ringlab source remove x' }]);
  t.match(await problemsOf(dropSource('debian-6.12', h.ctx)), [{ what: /own/, expected: 'x' }]);
  t.match(await problemsOf(resolveSource({ kernel: 'debian-6.21' }, h.ctx)), [
    { what: 'there is no kernel "debian-6.21"', fix: /did you mean .*debian-6\.12/, expected: /x$/ },
  ]);
});

t.test('two processes that add a source at the same time keep both', async (t) => {
  const h = fixture(t);
  const names = ['a', 'b', 'c', 'd'];
  await Promise.all(names.map((name) => addSource({ name, tree: h.tree }, h.ctx)));
  const list = (await listSources(h.ctx)).filter(({ from }) => from === 'user');
  t.same(list.map(({ name }) => name).sort(), names);
});

t.test('a damaged file of sources is an InputError at its line', async (t) => {
  const h = fixture(t);
  writeFileSync(join(h.dir, 'cache/sources.yaml'), 'x:\n  pathh: /a\n');
  t.match(await problemsOf(listSources(h.ctx)), [{ where: /cache\/sources\.yaml:/ }]);
});

t.test(
  'a tarball at an address is downloaded once, checked, and downloaded again when it is damaged',
  async (t) => {
    const h = fixture(t);
    const requests: number[] = [];
    const url = await serve(t, (response, request) => {
      requests.push(request);
      response.end(h.content);
    });
    await addSource({ name: 'far', tarball: url, sha256: h.sha256 }, h.ctx);
    t.same(requests, [], 'nothing is downloaded when it is added');
    t.match((await listSources(h.ctx)).at(-1), { name: 'far', ready: false });
    const tree = await resolveSource({ kernel: 'far' }, h.ctx);
    t.match(h.events[0], { type: 'source.start', source: 'far', action: 'download', from: url });
    t.same(await resolveSource({ kernel: 'far' }, h.ctx), tree);
    t.same(requests, [1]);
    t.match(await updateSources('far', h.ctx), [{ name: 'far', changed: false, kept: /SHA-256/ }]);
    const downloads = join(h.dir, 'cache/downloads');
    const [folder = ''] = readdirSync(downloads).filter((name) => !name.includes('.lock'));
    writeFileSync(join(downloads, folder, 'source.tar'), 'x');
    t.same(await resolveSource({ kernel: 'far' }, h.ctx), tree);
    t.same(requests, [1, 2]);
    await dropSource('far', h.ctx);
    t.same(
      readdirSync(downloads).filter((name) => !name.includes('.lock')),
      [],
    );
  },
);

t.test('a download that breaks off, is refused or has another content leaves nothing behind', async (t) => {
  const h = fixture(t);
  const url = await serve(t, (response, request) => {
    if (request === 1) {
      response.writeHead(200, { 'content-length': h.content.length });
      response.write(h.content.subarray(0, 20), () => response.destroy());
    } else if (request === 2) response.writeHead(404).end();
    else if (request === 3) response.end('another content');
    else response.end(h.content);
  });
  await addSource({ name: 'far', tarball: url, sha256: h.sha256 }, h.ctx);
  const failure = () => resolveSource({ kernel: 'far' }, h.ctx).catch((error: unknown) => error);
  const brokenOff = await failure();
  t.ok(brokenOff instanceof LabError);
  t.match(brokenOff, { message: /broke off after \d+ bytes/ });
  t.match(await failure(), { exitCode: 3, message: /answers 404[\s\S]*--tarball FILE/ });
  t.match(await failure(), { exitCode: 2, message: /has the SHA-256 [0-9a-f]{64}/ });
  const left = readdirSync(join(h.dir, 'cache/downloads')).filter((name) => !name.includes('.lock'));
  t.same(left, []);
  t.equal((await resolveSource({ kernel: 'far' }, h.ctx)).name, 'far');
});

t.test('a tarball of the user that has changed since it was added is an InputError', async (t) => {
  const h = fixture(t);
  await addSource({ name: 'ball', tarball: h.tarball, sha256: h.sha256 }, h.ctx);
  writeFileSync(h.tarball, 'other');
  t.match(await problemsOf(resolveSource({ kernel: 'ball' }, h.ctx)), [
    { where: h.tarball, expected: h.sha256 },
  ]);
  rmSync(h.tarball);
  t.match(await problemsOf(resolveSource({ kernel: 'ball' }, h.ctx)), [{ where: h.tarball }]);
});
