import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../../core/hash.ts';
import { run } from '../../core/process.ts';

/** Fields of a package beside its name, version and architecture. */
type Fields = Record<string, string>;

/**
 * A Debian archive in a folder with a private apt configuration, which apt-get and apt-cache use while APT_CONFIG names it: the real
 * apt resolves dependencies, and the machine's own state is neither read nor changed.
 */
export class Archive {
  readonly #dir: string;
  readonly config: string;

  constructor(dir: string) {
    this.#dir = dir;
    this.config = join(dir, 'apt.conf');
    for (const folder of ['pool', 'state/lists/partial', 'cache/archives/partial', 'etc'])
      mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, 'etc/sources.list'), `deb [trusted=yes] file:${dir}/pool ./\n`);
    writeFileSync(join(dir, 'state/status'), '');
    const settings = {
      ...{ 'Dir::Etc::sourcelist': 'etc/sources.list', 'Dir::Etc::sourceparts': '/dev/null' },
      ...{ 'Dir::State': 'state', 'Dir::State::status': 'state/status', 'Dir::Cache': 'cache' },
    };
    const lines = Object.entries(settings).map(
      ([name, path]) => `${name} "${join(path.startsWith('/') ? '' : dir, path)}";`,
    );
    // Its own etc/: aptState looks at it.
    writeFileSync(this.config, `Dir::Etc "${dir}/etc";\n${lines.join('\n')}\nAPT::Sandbox::User "root";\n`);
  }

  /** Builds a package of files, path -> content; `->TARGET` is a link. A file `DEBIAN/postinst` is its script. */
  async pack(name: string, files: Record<string, string>, fields: Fields = {}): Promise<void> {
    const folder = join(this.#dir, `${name}.build`);
    rmSync(folder, { recursive: true, force: true });
    const all = {
      Package: name,
      Version: '1',
      Architecture: 'all',
      Maintainer: 'x <x@y>',
      Description: 'x',
      ...fields,
    };
    const control = Object.entries(all)
      .map(([field, value]) => `${field}: ${value}\n`)
      .join('');
    for (const [path, content] of Object.entries({ 'DEBIAN/control': control, ...files })) {
      mkdirSync(join(folder, path, '..'), { recursive: true });
      const [, target] = /^->(.*)/.exec(content) ?? [];
      if (target !== undefined) await run('ln', ['-s', target, join(folder, path)]);
      else writeFileSync(join(folder, path), content, { mode: /bin\/|postinst/.test(path) ? 0o755 : 0o644 });
    }
    const deb = join(this.#dir, 'pool', `${name}_${all.Version}_all.deb`);
    await run('dpkg-deb', ['--root-owner-group', '-b', folder, deb]);
    writeFileSync(`${deb}.control`, control);
  }

  /** Writes the index and lets apt read it. */
  async update(): Promise<void> {
    const pool = join(this.#dir, 'pool');
    const debs = readdirSync(pool).filter((name) => name.endsWith('.deb'));
    const stanzas = await Promise.all(
      debs.map(async (name) => {
        const path = join(pool, name);
        const facts = `Filename: ./${name}\nSize: ${statSync(path).size}\nSHA256: ${await hashFile(path)}\n`;
        return readFileSync(`${path}.control`, 'utf8') + facts;
      }),
    );
    writeFileSync(join(pool, 'Packages'), stanzas.join('\n'));
    await run('apt-get', ['update'], { env: { APT_CONFIG: this.config } });
  }
}
