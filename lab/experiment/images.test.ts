/** Which images a plan needs, and what is wrong with them before anything is built. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t, { type Test } from 'tap';
import { projectRoot } from '../core/paths.ts';
import { loadRecipe } from '../image/recipe.ts';
import { Archive } from '../image/testing/archive.ts';
import { type Suite, SuiteInfo } from '../model/suite.ts';
import { checkImages, imageName } from './images.ts';
import { planOf } from './testing/plan.ts';

const tools = ['mkfs.erofs', 'apt-get', 'apt-cache'];
const folders = (process.env.PATH ?? '').split(delimiter);
const isThere = (tool: string) => folders.some((folder) => existsSync(join(folder, tool)));
const skip = tools.every(isThere) ? false : 'mkfs.erofs or apt is not installed';
const ctx = { signal: new AbortController().signal, emit: () => {} };
const [pair] = planOf().pairs;
if (!pair) throw new Error('a plan without pairs');
const { profile } = pair;

/** An archive with the packages of the minimal image, bash, and fio, which depends on python3. */
async function useArchive(t: Test): Promise<void> {
  const dir = t.testdir({ archive: {}, cache: {} });
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const archive = new Archive(join(dir, 'archive'));
  process.env.APT_CONFIG = archive.config;
  const { packages } = await loadRecipe('minimal', join(projectRoot, 'images'));
  for (const name of [...packages, 'bash', 'python3']) await archive.pack(name, {});
  await archive.pack('fio', {}, { Depends: 'python3' });
  await archive.update();
}

const dir = t.testdir({});
/** A suite whose program is a script with this first line. */
function suite(name: string, line: string, packages?: string[]): Suite {
  mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, name, 'run.sh'), `${line}\necho\n`, { mode: 0o755 });
  return {
    ...SuiteInfo.parse({ name, run: ['run.sh'], ...(packages ? { packages } : {}) }),
    dir: join(dir, name),
  };
}

const check = (suites: Suite[], more: object = {}) =>
  Promise.all(checkImages({ pairs: suites.map((each) => ({ profile, suite: each })), ...more }, ctx));

t.test(
  'a script whose interpreter is in no package of its image is an error before any work',
  { skip },
  async (t) => {
    await useArchive(t);
    await check([suite('sh', '#!/bin/sh'), suite('perl-later', '#!/opt/x/own'), suite('none', '')]);
    await t.rejects(check([suite('b', '#!/bin/bash')]), {
      exitCode: 2,
      message: /run\.sh: guests have no \/bin\/bash[\s\S]*fix: add `packages: \[bash\]` to the suite\.yaml/,
    });
    await check([suite('b', '#!/bin/bash', ['bash'])]);
    await check([suite('b', '#!/bin/bash')], { packages: ['bash'] });
    await check([suite('p', '#!/usr/bin/env python3', ['fio'])]);
    await t.rejects(check([suite('p', '#!/usr/bin/env python3', ['bash'])]), { message: /no python3/ });
    await t.rejects(check([suite('c', '#!/usr/bin/env bash\r')]), { message: /end its lines/ });
  },
);

t.test(
  'a folder of programs names each interpreter that is in no package once, not for programs that are left out',
  { skip },
  async (t) => {
    await useArchive(t);
    const folder = (name: string, heads: Record<string, string>, exclude: Record<string, string> = {}) => {
      const files = Object.entries(heads);
      mkdirSync(join(dir, name), { recursive: true });
      for (const [file, line] of files) writeFileSync(join(dir, name, file), `${line}\n`, { mode: 0o755 });
      return { ...SuiteInfo.parse({ name, programs: { exclude } }), dir: join(dir, name) };
    };
    const heads = {
      'a.t': '#!/bin/sh',
      'b.t': '#!/bin/bash',
      'c.t': '#!/bin/bash',
      'd.t': '#!/usr/bin/perl',
    };
    const twice = /b\.t: guests have no \/bin\/bash, the interpreter of the script and of 1 more/;
    const once = /d\.t: guests have no \/usr\/bin\/perl, the interpreter of the script$/m;
    await t.rejects(check([folder('folder', heads)]), { exitCode: 2, message: twice });
    await t.rejects(check([folder('folder', heads)]), { message: once });
    await check([folder('part', heads, { 'b.t': 'needs more', 'c.t': 'x', 'd.t': 'x' })]);
  },
);

t.test(
  'packages are those of the request and the suite, each suite with its own image',
  { skip },
  async (t) => {
    await useArchive(t);
    const plain = suite('plain', '#!/bin/sh');
    const more = suite('more', '#!/bin/sh', ['fio']);
    t.equal(imageName({ pairs: [] }), 'minimal');
    t.equal(imageName({ pairs: [], packages: ['bash'] }, more), 'minimal + bash, fio');
    await check([plain, more], { packages: ['bash'] });
    await t.rejects(check([plain, suite('typo', '#!/bin/sh', ['foi'])]), {
      exitCode: 2,
      message: /^packages of the suite typo: apt knows no package "foi"\n.*perhaps fio/,
    });
    await t.rejects(check([plain], { recipe: 'minimla' }), {
      message: /no image recipe minimla[\s\S]*perhaps minimal/,
    });
  },
);
