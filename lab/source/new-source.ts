import { resolve } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { KernelSource, SourceName } from '../model/kernel.ts';
import { check } from '../model/parse.ts';

/** A source as the user describes it: exactly one of tarball, tree and package. */
export interface NewSource {
  name: string;
  /** What it is, for lists. */
  summary?: string | undefined;
  /** Path or address (http, https) of a tarball. */
  tarball?: string | undefined;
  /** SHA-256 of the tarball; required for an address. */
  sha256?: string | undefined;
  /** Debian package, downloaded from `suite` if it is not installed. */
  package?: string | undefined;
  suite?: string | undefined;
  /** Path of a git tree or folder. */
  tree?: string | undefined;
  /** Revision of the git tree; default HEAD. */
  base?: string | undefined;
}

/** Mistakes in what was given, by the options that have them. */
function problemsOf({ name, tarball, sha256, package: pkg, suite, tree, base }: NewSource): Problem[] {
  const problems: Problem[] = [];
  const refuse = (isWrong: boolean, problem: Problem) => {
    if (isWrong) problems.push(problem);
  };
  const isUrl = tarball !== undefined && /^[a-z][a-z0-9+.-]*:\/\//i.test(tarball);
  const given = [tarball, pkg, tree].filter((place) => place !== undefined);
  refuse(!SourceName.safeParse(name).success, {
    what: `"${name}" cannot be the name of a source`,
    expected: 'letters, digits, dot, dash and underscore, not a dot first, at most 100',
  });
  refuse(given.length !== 1, {
    what: `${given.length === 0 ? 'no' : 'more than one'} place of the source is given`,
    where: '--tarball/--package/--tree',
    expected: 'exactly one: --tarball PATH or URL, --suite S --package P, or --tree DIR',
  });
  refuse(suite !== undefined && pkg === undefined, {
    what: 'a suite without a package',
    where: '--suite',
    expected: '--suite S --package P',
  });
  refuse(base !== undefined && tree === undefined, {
    what: 'a revision without a tree',
    where: '--base',
    expected: '--tree DIR --base REV',
  });
  refuse(sha256 !== undefined && tarball === undefined, {
    what: 'a hash without a tarball',
    where: '--sha256',
    expected: '--tarball PATH or URL',
  });
  refuse(sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256), {
    what: `"${sha256}" is no SHA-256`,
    where: '--sha256',
    expected: '64 hexadecimal digits',
  });
  refuse(isUrl && !/^https?:/i.test(tarball ?? ''), {
    what: `the address ${tarball} cannot be fetched`,
    where: '--tarball',
    expected: 'http:// or https://, or a path',
  });
  refuse(isUrl && sha256 === undefined, {
    what: 'a tarball at an address needs its hash',
    where: '--sha256',
    expected: '--sha256 with what its publisher says; sha256sum FILE prints that of a file',
  });
  return problems;
}

/** The fields that are given; paths are absolute. */
function fieldsOf({ summary, tarball, sha256, package: pkg, suite, tree, base }: NewSource): object {
  const hash = sha256 === undefined ? {} : { sha256: sha256.toLowerCase() };
  const isUrl = tarball !== undefined && /^https?:\/\//i.test(tarball);
  const place =
    tarball === undefined
      ? { package: pkg, suite, path: tree === undefined ? undefined : resolve(tree), revision: base }
      : { ...(isUrl ? { url: tarball } : { path: resolve(tarball) }), ...hash };
  const fields = Object.entries({ summary: summary ?? '', ...place });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** The entry of a new source for the sources file. Throws InputError with every mistake in it. */
export function entryOf(source: NewSource): KernelSource {
  const problems = problemsOf(source);
  if (problems.length > 0) throw new InputError(problems);
  return check(KernelSource, fieldsOf(source), `the source ${source.name}`);
}
