import { execFileSync } from 'node:child_process';
import {
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { trySandbox } from '../core/sandbox.ts';
import { SOURCES, settingOf } from './fake/setting.ts';
import { buildKernel, findKernel } from './index.ts';

const reason = await trySandbox();
const skip = reason === undefined ? false : `no sandbox on this machine: ${reason}`;

/** Zeroes a file in place, as a disk that lost its blocks does. */
const zero = (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size));

function flip(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

function fifo(file: string): void {
  rmSync(file);
  execFileSync('mkfifo', [file]);
}

function deadLink(path: string): void {
  rmSync(path, { recursive: true });
  symlinkSync('no/such/disk', path);
}

/** Damages to a stored kernel, and the reasons that are reported. */
const DAMAGES: [string, (dir: string) => void, RegExp][] = [
  ['a zeroed vmlinux', (dir) => zero(join(dir, 'vmlinux')), /^vmlinux has another content/],
  ['a truncated System.map', (dir) => truncateSync(join(dir, 'System.map'), 3), /^System.map has another/],
  ['a missing config', (dir) => rmSync(join(dir, 'config')), /^config is missing/],
  ['a changed byte in uapi.json', (dir) => flip(join(dir, 'uapi.json')), /^uapi.json has another content/],
  [
    'a truncated build.json',
    (dir) => truncateSync(join(dir, 'build.json'), 40),
    /^build.json cannot be read/,
  ],
  ['an empty build.json', (dir) => truncateSync(join(dir, 'build.json'), 0), /^build.json cannot be read/],
  [
    'a build.json that is null',
    (dir) => writeFileSync(join(dir, 'build.json'), 'null'),
    /^build.json cannot/,
  ],
  ['a missing build.json', (dir) => rmSync(join(dir, 'build.json')), /^build.json is missing/],
  ['a FIFO as build.json', (dir) => fifo(join(dir, 'build.json')), /^build.json cannot be read/],
  ['a link without a target in place of the folder', deadLink, /^a link without a target is in its place/],
  [
    'a build.json with another release',
    (dir) => {
      const file = join(dir, 'build.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('6.12.0-fake', '6.13.0-fake'));
    },
    /^build.json has another content/,
  ],
];

t.test(
  'a damaged kernel of the store is reported and built again, for each kind of damage',
  { skip },
  async (t) => {
    const { kernel, ctx, request, notes, events } = settingOf(t);
    const tree = kernel.commit('base', SOURCES);
    const build = await buildKernel(tree, request, ctx);
    const { files } = JSON.parse(readFileSync(join(build.dir, 'build.json'), 'utf8'));
    for (const [what, damage, message] of DAMAGES) {
      events.length = 0;
      damage(build.dir);
      await t.rejects(findKernel(build.key), { message: /damaged/, exitCode: 3 }, what);
      t.match(await buildKernel(tree, request, ctx), { key: build.key, cached: false }, what);
      t.match(notes(), [{ code: 'cache.damaged', subject: `kernels/${build.key}`, damage: message }], what);
      const again = JSON.parse(readFileSync(join(build.dir, 'build.json'), 'utf8')).files;
      t.same({ ...again, 'build.log': '' }, { ...files, 'build.log': '' }, what);
      t.ok(await findKernel(build.key), what);
    }
  },
);

t.test(
  'a changed byte in a header damages both the stored headers and the kernel, and both are made again',
  { skip },
  async (t) => {
    const { kernel, ctx, request, notes } = settingOf(t);
    const tree = kernel.commit('base', SOURCES);
    const { dir } = await buildKernel(tree, request, ctx);
    const header = 'headers/include/linux/io_uring.h';
    const content = readFileSync(join(dir, header), 'utf8');
    // The file is the same: a hard link.
    flip(join(dir, header));
    t.match(await buildKernel(tree, request, ctx), { cached: false });
    t.match(notes(), [
      { code: 'cache.damaged', subject: /^kernels\//, damage: `${header} has another content` },
      { code: 'cache.damaged', subject: /^headers\//, damage: `${header} has another content` },
    ]);
    t.equal(readFileSync(join(dir, header), 'utf8'), content);
  },
);

t.test('damaged headers, configs and records of objects are reported and made again', { skip }, async (t) => {
  const { kernel, ctx, request, notes, events, dir } = settingOf(t);
  const tree = kernel.commit('base', SOURCES);
  const { key } = await buildKernel(tree, request, ctx);
  const cache = join(dir, 'cache');
  const only = (folder: string) =>
    readdirSync(join(cache, folder)).filter((name) => !name.includes('.lock'))[0] ?? '';
  const meta = readdirSync(join(dir, 'work')).find(
    (name) => name.endsWith('.meta') && !name.includes('config'),
  );
  const damages: [string, RegExp, () => void][] = [
    ['configs', /^configs\//, () => flip(join(cache, 'configs', only('configs')))],
    ['an empty config', /^configs\//, () => truncateSync(join(cache, 'configs', only('configs')), 0)],
    [
      'sums of headers',
      /^headers\//,
      () => truncateSync(join(cache, 'headers', only('headers'), 'sums.json'), 9),
    ],
    [
      'uapi.json of headers',
      /^headers\//,
      () => rmSync(join(cache, 'headers', only('headers'), 'uapi.json')),
    ],
    ['a FIFO as config', /^configs\//, () => fifo(join(cache, 'configs', only('configs')))],
    [
      'a link without a target as config',
      /^configs\//,
      () => deadLink(join(cache, 'configs', only('configs'))),
    ],
    [
      'a FIFO as sums of headers',
      /^headers\//,
      () => fifo(join(cache, 'headers', only('headers'), 'sums.json')),
    ],
    [
      'a link without a target in place of headers',
      /^headers\//,
      () => deadLink(join(cache, 'headers', only('headers'))),
    ],
    [
      'a record of objects',
      /^work\/work\/obj-/,
      () => truncateSync(join(dir, 'work', meta ?? '', 'state.json'), 9),
    ],
    [
      'a record of an attempt',
      /^work\/work\/obj-/,
      () => writeFileSync(join(dir, 'work', meta ?? '', 'attempt.json'), '{'),
    ],
  ];
  for (const [what, subject, damage] of damages) {
    events.length = 0;
    damage();
    rmSync(join(cache, 'kernels', key), { recursive: true });
    t.match(await buildKernel(tree, request, ctx), { key, cached: false }, what);
    t.match(notes(), [{ code: 'cache.damaged', subject }], what);
  }
});

t.test(
  'a kernel of an earlier version, which has no hashes, is built again without a note',
  { skip },
  async (t) => {
    const { kernel, ctx, request, notes } = settingOf(t);
    const tree = kernel.commit('base', SOURCES);
    const build = await buildKernel(tree, request, ctx);
    const file = join(build.dir, 'build.json');
    const { files: _files, hash: _hash, ...facts } = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...facts, format: 1 }));
    t.equal(await findKernel(build.key), undefined);
    t.match(await buildKernel(tree, request, ctx), { cached: false });
    t.same(notes(), []);
    t.match(await buildKernel(tree, request, ctx), { cached: true });
  },
);
