import type { Problem } from '../core/errors.ts';
import { linkTarget, pathFlaw } from '../model/tree-path.ts';
import { oneLine } from '../model/visible.ts';
import type { DiffScan, FileDiff } from './hunks.ts';
import { MAX_HEADER_LINE, MAX_LISTED } from './limits.ts';
import { unquote } from './unquote.ts';

/** Top folders of a kernel tree (any version since 2.6). */
const KERNEL_FOLDERS = new Set(
  'Documentation LICENSES arch block certs crypto drivers firmware fs include init io_uring ipc kernel lib mm net rust samples scripts security sound tools usr virt'.split(
    ' ',
  ),
);

/** A name of a header line (`a/x`, `"b/x"`, `a/x<tab>date`) as a path in the tree; undefined for /dev/null. */
function treeName(written: string): string | undefined {
  const bare = written.startsWith('"')
    ? written.slice(0, written.lastIndexOf('"') + 1)
    : written.split('\t')[0];
  const name = unquote((bare ?? '').trimEnd());
  if (name === '/dev/null') return undefined;
  // An absolute name is kept unchanged, for pathFlaw to report.
  return name.startsWith('/') ? name : name.slice(name.indexOf('/') + 1);
}

/**
 * The names of a `diff --git` line that differ in their first folder only (`a/`, `b/`). A regular expression would take a minute for a
 * line of some thousand blanks and slashes.
 */
function equalNames(git: string): string[] | undefined {
  const slash = git.indexOf('/');
  let second = 0;
  for (let blank = git.indexOf(' '); blank >= 0; blank = git.indexOf(' ', blank + 1)) {
    if (second <= blank) second = git.indexOf('/', blank + 1);
    if (slash < 0 || second < 0) return undefined;
    if (blank - slash !== git.length - second) continue;
    if (git.slice(slash, blank) === git.slice(second)) return [git.slice(0, blank), git.slice(blank + 1)];
  }
  return undefined;
}

/** A quoted name. Takes one without an end too, so that no part of it is searched again. */
const QUOTED = /"(?:[^"\\]|\\.)*("?)/g;

/** The two names of a `diff --git` line, which only a blank separates. */
function gitNames(git: string): string[] {
  const quoted = [...git.matchAll(QUOTED)].flatMap(([name, end]) => (end ? [name] : []));
  const rest = git.replace(QUOTED, (name, end) => (end ? '' : name));
  if (quoted.length > 0) return [...quoted, ...rest.split(' ')].filter(Boolean);
  const half = equalNames(git);
  if (half) return half;
  const parts = git.split(' ');
  return parts.length === 2 ? parts : [];
}

/** Every path in the headers of a file's diff, without repetitions. */
function namesOf(file: FileDiff): string[] {
  const written = [file.oldName, file.newName, ...gitNames(file.git ?? '')].filter(
    (name) => name !== undefined,
  );
  const names = written.map(treeName).filter((name) => name !== undefined);
  return [...new Set([...names, ...file.moved.map(unquote)])];
}

/** Whether names have no `a/` and `b/`: git apply would strip their first folder instead. */
function lacksPrefix(file: FileDiff): boolean {
  const written = [file.oldName, file.newName].filter((name) => name && name !== '/dev/null');
  const folders = new Set(written.map((name) => name?.split('/')[0] ?? ''));
  const [first = ''] = folders;
  return folders.size === 1 && KERNEL_FOLDERS.has(first);
}

const shown = (name = '') => oneLine(name, 200);

function flawsOf(file: FileDiff, names: readonly string[]): string[] {
  const flaws = names.flatMap((name) => {
    const flaw = pathFlaw(name);
    return flaw ? [`${flaw}: "${shown(name)}"`] : [];
  });
  if (names.length === 0) flaws.push('a part of the diff that names no file');
  if (lacksPrefix(file)) flaws.push(`file names without a/ and b/: "${shown(file.newName ?? file.oldName)}"`);
  if (file.mode === '160000') flaws.push(`a submodule: "${shown(names[0])}"`);
  // `applySeries` judges the result, which a text can hide; this only reports earlier what the text shows.
  const targets =
    file.mode === '120000'
      ? file.added.slice(0, MAX_LISTED).map((target) => linkTarget(names[0] ?? '', target))
      : [];
  if (file.mode === '120000' && file.binary)
    flaws.push(`a symbolic link as binary data: "${shown(names[0])}"`);
  for (const target of targets)
    if ('flaw' in target) flaws.push(`a symbolic link whose target ${target.flaw}: "${shown(names[0])}"`);
  return flaws;
}

/** Paths of the files that a diff touches, in order, and a problem for each that must not reach git. */
export function checkFiles(scan: DiffScan, where: string): { files: string[]; problems: Problem[] } {
  const files = new Set<string>();
  const problems: Problem[] = [];
  for (const file of scan.files) {
    const headers = [file.git, file.oldName, file.newName, ...file.moved];
    if (headers.some((header) => (header?.length ?? 0) > MAX_HEADER_LINE)) {
      problems.push({
        what: `a file name of more than ${MAX_HEADER_LINE} characters`,
        where: `${where}, line ${file.line + 1} of its text`,
      });
      continue;
    }
    const names = namesOf(file);
    for (const name of names) files.add(name);
    for (const what of new Set(flawsOf(file, names))) {
      problems.push({
        what,
        where: `${where}, line ${file.line + 1} of its text`,
        expected: 'a/PATH and b/PATH inside the tree',
      });
    }
  }
  return { files: [...files], problems };
}

/** Why these files cannot be part of a kernel tree; undefined when they can. */
export function foreignReason(files: readonly string[]): string | undefined {
  const folders = [
    ...new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? '')),
  ];
  if (folders.length === 0 || folders.some((folder) => KERNEL_FOLDERS.has(folder))) return undefined;
  return `its files lie in ${oneLine(folders.map((folder) => `${folder}/`).join(', '), 200)}, which a kernel tree does not have`;
}
