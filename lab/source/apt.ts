import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../core/atomic.ts';
import { cacheRoot } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import { lock } from '../core/lock.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { aptError } from './apt-error.ts';
import { APT_ENV, type Archive } from './debian.ts';

/** A package as the archive has it now. */
export interface AvailablePackage {
  name: string;
  version: string;
  /** Bytes of the `.deb`. */
  size: number;
}

/** deb822 (sources.list(5)). Nothing but the list of packages is fetched. */
const sourcesText = ({ suite, mirror, keyring }: Archive) =>
  [`Types: deb`, `URIs: ${mirror}`, `Suites: ${suite}`, 'Components: main', `Signed-By: ${keyring}`]
    .concat(['Targets: Packages', 'Languages: none', ''])
    .join('\n');

/**
 * apt.conf(5), read after the machine's settings, of which proxies and certificates stay. Sources, pins, lists and the list of installed
 * packages are ours; hooks of the machine are not run; what would accept an archive without a valid signature is off.
 */
const configText = (folder: string) =>
  `${Object.entries({
    'Dir::Etc::SourceList': join(folder, 'debian.sources'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Dir::State': folder,
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::State::Status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::Archives': join(folder, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    // Run by root, apt would download as `_apt`, which cannot write to the cache.
    'APT::Sandbox::User': 'root',
    'APT::Get::AllowUnauthenticated': 'false',
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::AllowDowngradeToInsecureRepositories': 'false',
    'Acquire::AllowWeakRepositories': 'false',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '30',
    'Acquire::https::Timeout': '30',
  })
    .map(([name, value]) => `${name} "${value}";`)
    .join(
      '\n',
    )}\n#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n`;

/** A line of `apt-get download --print-uris`: URI, file name, size, hash. */
const URI_LINE = /^'[^']*' (\S+) (\d+) \S+$/m;

/**
 * apt with its own configuration in the cache: one suite of the Debian archive, checked against Debian's keys. The machine's sources,
 * lists and packages are neither used nor changed, and no right of root is needed.
 */
export class PrivateApt {
  readonly #config: string;

  private constructor(
    readonly archive: Archive,
    readonly folder: string,
    readonly ctx: StageContext,
  ) {
    this.#config = join(folder, 'apt.conf');
  }

  /** Runs `use` with the apt of an archive, whose list of packages has just been fetched. Holds the lock of its folder. */
  static async withLists<T>(
    archive: Archive,
    ctx: StageContext,
    use: (apt: PrivateApt) => Promise<T>,
  ): Promise<T> {
    const { suite, mirror, keyring } = archive;
    const folder = join(cacheRoot(), 'apt', `${suite}-${hashOf(mirror, keyring).slice(0, 8)}`);
    const onWait = () => ctx.emit({ type: 'lock.wait', for: 'source', subject: suite });
    await using _held = await lock(`${folder}.lock.d`, ctx.signal, onWait);
    const apt = new PrivateApt(archive, folder, ctx);
    await apt.#prepare();
    await apt.#run(['update']);
    return await use(apt);
  }

  async #prepare(): Promise<void> {
    for (const name of ['lists/partial', 'archives/partial'])
      await mkdir(join(this.folder, name), { recursive: true });
    await writeAtomic(join(this.folder, 'debian.sources'), sourcesText(this.archive));
    await writeAtomic(join(this.folder, 'status'), '');
    await writeAtomic(this.#config, configText(this.folder));
  }

  /** Runs apt-get. Throws as `aptError` when it fails, also for a list that it could not check but has from before. */
  async #run(args: readonly string[], cwd = this.folder): Promise<string> {
    const { signal } = this.ctx;
    const all = ['-q', '-c', this.#config, ...args];
    const { code, stdout, stderr } = await run('apt-get', all, { accept: 'any', signal, cwd, env: APT_ENV });
    if (
      code === 0 &&
      !/^W: (?:GPG error|An error occurred during the signature|Failed to fetch)/m.test(stderr)
    )
      return stdout;
    throw aptError(stderr, this.archive, this.folder);
  }

  /** Packages of the suite whose name matches, by their names. */
  async #namesLike(pattern: string): Promise<string[]> {
    const args = ['-c', this.#config, 'search', '--names-only', pattern];
    const options = { accept: 'any', signal: this.ctx.signal, env: APT_ENV } as const;
    const { stdout } = await run('apt-cache', args, options);
    return [...stdout.matchAll(/^(\S+) - /gm)].map(([, name = '']) => name).sort();
  }

  /** The newest version of a package in the suite. Throws InputError, with the kernels of the suite, when it has none. */
  async newest(name: string): Promise<AvailablePackage> {
    const args = ['-q', '-c', this.#config, 'download', '--print-uris', name];
    const options = { accept: 'any', signal: this.ctx.signal, env: APT_ENV, cwd: this.folder } as const;
    const { code, stdout, stderr } = await run('apt-get', args, options);
    const [, file, size] = URI_LINE.exec(stdout) ?? [];
    if (code === 0 && file !== undefined)
      return { name, version: decodeURIComponent(file.split('_')[1] ?? ''), size: Number(size) };
    if (
      code !== 0 &&
      !/Unable to locate package|has no installation candidate|No packages found/.test(stderr)
    )
      throw aptError(stderr, this.archive, this.folder);
    const { suite, where } = this.archive;
    const others = await this.#namesLike('^linux-source-[0-9]');
    throw new InputError({
      what: `Debian's suite ${suite} has no package ${name}`,
      where,
      expected: others.length > 0 ? others.join(', ') : 'a package of that suite',
      fix: `ringlab source add NAME --suite ${suite} --package PACKAGE`,
    });
  }

  /** Downloads a version of a package to a folder; apt checks it against the signed list. Returns the path of the `.deb`. */
  async download({ name, version }: AvailablePackage, into: string): Promise<string> {
    await mkdir(into, { recursive: true });
    await this.#run(['download', `${name}=${version}`], into);
    const { stdout } = await run('find', [into, '-maxdepth', '1', '-type', 'f', '-name', '*.deb']);
    const file = stdout.trim();
    if (file === '' || file.includes('\n')) throw new LabError(`apt-get download left no package in ${into}`);
    return file;
  }
}
