import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import { alternativesIn, linkAlternatives, linkLibraries } from './alternatives.ts';
import type { PackageVersion } from './package-list.ts';
import { mergedPath, mergeUsr } from './usrmerge.ts';

/** `name=version`, as apt-get takes it; a file name has the colon of an epoch as `%3a`. */
const exactly = ({ name, file }: PackageVersion) => `${name}=${decodeURIComponent(file.split('_')[1] ?? '')}`;

/** Downloads packages into a new folder. Throws LabError when apt fails. */
export async function downloadPackages(
  packages: readonly PackageVersion[],
  folder: string,
  ctx: StageContext,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (packages.length === 0) return;
  // apt checks each file against the signed index. Run by root it would otherwise try to download as `_apt`, which cannot write
  // to this folder, and warn.
  const args = ['-o', 'APT::Sandbox::User=root', 'download', ...packages.map(exactly)];
  await run('apt-get', args, { cwd: folder, signal: ctx.signal });
  const files = (await readdir(folder)).sort();
  if (files.length !== packages.length) {
    throw new LabError(`apt downloaded ${files.length} of ${packages.length} packages: ${files.join(', ')}`);
  }
}

/** Unpacks downloaded packages into `root`, without root rights and without their scripts. Throws LabError when dpkg-deb fails. */
export async function unpackPackages(folder: string, root: string, ctx: StageContext): Promise<void> {
  for (const file of (await readdir(folder)).sort())
    await run('dpkg-deb', ['-x', join(folder, file), root], { signal: ctx.signal });
}

/** Unpacks one package and lists its files (no folders), by their paths in a merged root. */
async function unpackListed(deb: string, name: string, root: string, where: string, ctx: StageContext) {
  const { code, stdout, stderr } = await run('dpkg-deb', ['-X', deb, root], {
    accept: 'any',
    signal: ctx.signal,
  });
  if (code !== 0) {
    const reason = stderr.trim().split('\n')[0] ?? '';
    throw new InputError({
      what: `${name} does not fit beside the others: ${reason}`,
      where,
      fix: 'leave one of them out',
    });
  }
  const paths = stdout.split('\n').filter((path) => path !== '' && !path.endsWith('/'));
  return paths.map((path) => mergedPath(path.replace(/^\.\//, '')));
}

/** Whether the package in `control` says that its files replace those of another. */
const replaces = (control: string, other: string) =>
  (/^Replaces: (.*)$/m.exec(control)?.[1] ?? '')
    .split(',')
    .some((entry) => entry.trim().split(/[ :(]/)[0] === other);

/**
 * Unpacks downloaded packages over a merged root, as `unpackPackages`, and makes the links that their scripts and ldconfig(8) would. A
 * file of the root is replaced. Throws InputError for a file that two packages have, as dpkg would; `where`: where the packages come from.
 */
export async function addPackages(
  folder: string,
  root: string,
  where: string,
  ctx: StageContext,
): Promise<void> {
  const owners = new Map<string, { name: string; file: string; control: string }>();
  const winners = new Set<string>();
  const alternatives = [];
  const problems = [];
  for (const file of (await readdir(folder)).sort()) {
    const [name = ''] = file.split('_');
    const info = join(folder, `${name}.control`);
    await run('dpkg-deb', ['-e', join(folder, file), info], { signal: ctx.signal });
    const read = (part: string) => readFile(join(info, part), 'utf8').catch(() => '');
    const control = await read('control');
    alternatives.push(...alternativesIn(await read('postinst')));
    for (const path of await unpackListed(join(folder, file), name, root, where, ctx)) {
      const owner = owners.get(path);
      if (owner && replaces(owner.control, name)) winners.add(owner.file);
      else if (owner && !replaces(control, owner.name))
        problems.push({
          what: `${owner.name} and ${name} both have /${path}`,
          where,
          fix: 'leave one of them out',
        });
      owners.set(path, { name, file, control });
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  await mergeUsr(root);
  for (const file of winners) await run('dpkg-deb', ['-x', join(folder, file), root], { signal: ctx.signal });
  await mergeUsr(root);
  await linkAlternatives(root, alternatives);
  await linkLibraries(root);
}
