import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, ensureFolder, exists } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { userGitEnv } from '../core/git-env.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { run } from '../core/process.ts';
import { type Checkout, ofCommit } from './checkout.ts';

const folderOf = (kind: string, identity: string) =>
  join(cacheRoot(), 'foreign', `${kind}-${hashOf(identity).slice(0, 16)}`);

const tailOf = (stderr: string) => stderr.trim().split('\n').slice(-3).join('; ');

/**
 * A git repository by its URL, cloned to the cache once and fetched on each call. Without a network the clone serves as it is. Throws
 * LabError when it cannot be cloned, InputError for an unknown revision.
 */
export async function ofUrl(
  url: string,
  revision: string | undefined,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Checkout> {
  const folder = folderOf('git', url);
  // The user's settings count: proxies, credentials, rewritten URLs.
  const env = { ...userGitEnv(), GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'https:http:git:ssh:file' };
  const options = { signal, accept: 'any', cleanEnv: true, env } as const;
  const clone = async (dir: string) => {
    const { code, stderr } = await run('git', ['clone', '--quiet', '--mirror', url, dir], options);
    if (code !== 0) throw new LabError(`cannot clone ${url}: ${tailOf(stderr)}`);
  };
  const { cached } = await ensureFolder(folder, clone, { signal });
  if (cached) {
    await using _held = await lock(`${folder}.lock.d`, signal);
    await run('git', ['-C', folder, 'fetch', '--quiet', '--prune'], options);
  }
  return ofCommit(folder, revision ?? 'HEAD', paths, signal);
}

/** The suite of Debian that this machine runs, `bookworm`. */
async function hostSuite(): Promise<string> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME=(\w+)$/m.exec(text)?.[1] ?? 'stable';
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** apt with private sources, lists and archives (apt.conf(5)): the machine's are neither used nor changed. */
async function aptOptions(folder: string, suite: string): Promise<string[]> {
  const list = join(folder, 'debian.sources');
  for (const name of ['lists/partial', 'archives/partial'])
    await mkdir(join(folder, name), { recursive: true });
  const fields = {
    Types: 'deb-src',
    URIs: 'http://deb.debian.org/debian',
    Suites: suite,
    Components: 'main',
    'Signed-By': KEYRING,
  };
  await writeFile(
    list,
    `${Object.entries(fields)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n')}\n`,
  );
  await writeFile(join(folder, 'status'), '');
  const settings = {
    'Dir::Etc::SourceList': list,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::State::Status': join(folder, 'status'),
    'Dir::Cache': folder,
    'APT::Sandbox::User': 'root',
    'Acquire::AllowInsecureRepositories': 'false',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/**
 * A Debian source package, which apt downloads and checks. Nothing is installed, and no right of root is needed. Throws InputError when
 * the suite has no such package, LabError when apt cannot reach the archive.
 */
export async function ofDebian(
  name: string,
  suite: string | undefined,
  signal: AbortSignal,
): Promise<Checkout> {
  const chosen = suite ?? (await hostSuite());
  const folder = folderOf('debian', chosen);
  if (!(await exists(KEYRING)))
    throw new LabError(
      `Debian's keys are not on this machine: ${KEYRING}\n  fix: apt-get install debian-archive-keyring`,
    );
  await mkdir(folder, { recursive: true });
  await using _held = await lock(`${folder}.lock.d`, signal);
  const settings = await aptOptions(folder, chosen);
  const apt = (args: readonly string[], cwd = folder) =>
    run('apt-get', ['-q', ...settings, ...args], { signal, accept: 'any', cwd, env: { LC_ALL: 'C' } });
  const update = await apt(['update']);
  if (update.code !== 0)
    throw new LabError(`apt cannot read Debian's suite ${chosen}: ${tailOf(update.stderr)}`);
  const asked = await apt(['source', '--print-uris', '--download-only', name]);
  const version = /^'[^']*' (\S+\.dsc) /m.exec(asked.stdout)?.[1];
  if (version === undefined)
    throw new InputError({
      what: `Debian's suite ${chosen} has no source package ${name}`,
      where: `debian:${name}`,
      expected: 'debian:PACKAGE or debian:PACKAGE@SUITE',
    });
  const into = join(folder, version);
  await ensureFolder(
    into,
    async (dir) => {
      const { code, stderr } = await apt(['source', '--download-only', name], dir);
      if (code !== 0) throw new LabError(`apt cannot download the source package ${name}: ${tailOf(stderr)}`);
    },
    { signal },
  );
  return {
    key: hashOf('debian', chosen, version),
    async copyTo(dir) {
      const dsc = (await readdir(into)).find((file) => file.endsWith('.dsc'));
      if (dsc === undefined) throw new LabError(`apt left no source package in ${into}`);
      // apt has checked the signature of the list and the hashes of the files.
      const source = join(dir, '..', 'unpacked');
      await run('dpkg-source', ['--no-check', '--extract', join(into, dsc), source], { signal });
      await run('cp', ['-a', `${source}/.`, dir], { signal });
    },
  };
}
