import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { cachedList, type PackageVersion, packagesIn } from './package-list.ts';
import { checkPackageNames, type PackageRecord, packageRecords } from './records.ts';

/**
 * Packages that other packages depend on and that guests do without: busybox stands in for the commands, and packages are unpacked
 * without the scripts that would need the rest. They are unpacked only when they are named.
 */
const ASSUMED = [
  ...['base-files', 'base-passwd', 'bsdutils', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils'],
  ...['grep', 'gzip', 'hostname', 'libc-bin', 'login', 'mount', 'ncurses-bin', 'passwd', 'procps', 'sed'],
  ...['sysvinit-utils', 'tar', 'util-linux', 'util-linux-extra'],
  ...['adduser', 'apt', 'debconf', 'dpkg', 'init-system-helpers', 'install-info', 'man-db', 'perl-base'],
  ...['sensible-utils', 'ucf', 'usr-is-merged', 'usrmerge'],
  ...['cron', 'dbus', 'init', 'initramfs-tools', 'libpam-modules', 'libpam-modules-bin', 'libpam-runtime'],
  ...['libpam-systemd', 'logrotate', 'lsb-base', 'systemd', 'systemd-sysv', 'udev'],
];

/** Names of terminals, which every interactive program looks up and none depends on. */
const TERMINALS = 'ncurses-base';

/** A stanza of dpkg's status file: the package is there and needs nothing. What it conflicts with cannot be added beside it. */
function installed(record: PackageRecord, conflicts: boolean): string {
  const fields = [
    'Package',
    'Architecture',
    'Version',
    'Multi-Arch',
    'Provides',
    ...(conflicts ? ['Conflicts'] : []),
  ];
  const lines = fields.flatMap((field) => (record[field] ? `${field}: ${record[field]}` : []));
  return `${lines.join('\n')}\nStatus: install ok installed\nMaintainer: ringlab\nDescription: of the image\n\n`;
}

/** Indented lines below a heading of apt-get's output. */
const listBelow = (output: string, heading: string): string[] => {
  const [, rest = ''] = output.split(`${heading}\n`);
  return (/^(?: .*\n)*/.exec(rest)?.[0] ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
};

/** Options by which apt sees `status` as all that is installed, and leaves the caches of the machine alone. */
const optionsFor = (dir: string) =>
  [
    ...[`Dir::State::status=${dir}/status`, `Dir::State::extended_states=${dir}/extended`],
    ...[`Dir::Cache::archives=${dir}/archives`, 'Dir::Cache::pkgcache=', 'Debug::NoLocking=1'],
    ...['Acquire::ForceHash=SHA256', 'APT::Sandbox::User=root'],
  ].flatMap((option) => ['-o', option]);

/** What apt would install for `names` on a machine with this status file. Throws InputError when it cannot. */
async function planOf(
  names: readonly string[],
  image: readonly string[],
  status: string,
  where: string,
  ctx: StageContext,
): Promise<PackageVersion[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ringlab-apt-'));
  try {
    await mkdir(join(dir, 'archives/partial'), { recursive: true });
    await writeFile(join(dir, 'status'), status);
    const args = [
      ...optionsFor(dir),
      '--yes',
      '--no-install-recommends',
      '--print-uris',
      'install',
      ...names,
    ];
    const { code, stdout, stderr } = await run('apt-get', args, {
      ...{ accept: 'any', signal: ctx.signal, env: { LC_ALL: 'C' } },
    });
    const lost = listBelow(stdout, 'The following packages will be REMOVED:').flatMap((line) =>
      line.split(' '),
    );
    const conflicts = lost.filter((name) => image.includes(name));
    const unmet = listBelow(stdout, 'The following packages have unmet dependencies:');
    const errors =
      unmet.length > 0 ? unmet : [...stderr.matchAll(/^E: (.*)$/gm)].map((match) => match[1] ?? '');
    const what =
      conflicts.length > 0
        ? `they conflict with what the image has: ${conflicts.join(', ')}`
        : `apt cannot install them together: ${errors.join('; ')}`;
    if (code !== 0 || conflicts.length > 0)
      throw new InputError({
        what,
        where,
        expected: 'packages that fit one another and the image',
        fix: 'leave one of them out',
      });
    return packagesIn(stdout);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * The packages that `names` and their dependencies add to an image with the packages `image`, in the versions that apt would install,
 * sorted by name. Recommended packages are left out, and so is what makes no sense in a guest (`ASSUMED`). No network is used. Throws
 * one InputError with every unknown or virtual name, or with what apt says about packages that do not fit; `where`: where the names come from.
 */
export async function resolveAdded(
  names: readonly string[],
  image: readonly string[],
  where: string,
  ctx: StageContext,
): Promise<PackageVersion[]> {
  const wanted = [...new Set(names)].sort();
  if (wanted.length === 0) return [];
  const query = async () => {
    const assumed = ASSUMED.filter((name) => !wanted.includes(name) && !image.includes(name));
    const records = await packageRecords([...wanted, ...image, ...assumed, TERMINALS], ctx);
    await checkPackageNames(wanted, records, where, ctx);
    const stanzas = (list: readonly string[], conflicts: boolean) =>
      list
        .flatMap((name) => installed(records.get(name) ?? {}, conflicts))
        .filter((stanza) => /^Package:/.test(stanza));
    const status = [...stanzas(image, true), ...stanzas(assumed, false)].join('');
    const all = records.has(TERMINALS) ? [...wanted, TERMINALS] : wanted;
    return planOf(all, image, status, where, ctx);
  };
  return cachedList(['added', ...wanted, 'to', ...image], query, ctx);
}
