/** What an attack is after: what is outside of the build, or that the build is not what it should be. */
export const AIMS = {
  outside: ['escape', 'read', 'connect'],
  build: ['poison', 'exhaust', 'confuse'],
} as const;
export type Aim = (typeof AIMS)[keyof typeof AIMS][number];

/** Paths and ports of the victims, put into the attack's text. */
export interface Victims {
  /** Folder of the user outside tree and cache; it has the file `secret`, the socket `socket` and the program `pid`. */
  home: string;
  /** Process of the user. */
  pid: number;
  /** TCP port on 127.0.0.1. */
  port: number;
  /** Name of an abstract UNIX socket. */
  abstract: string;
  /** The lab's cache. */
  cache: string;
  /** Work folder of the source. */
  work: string;
}

/** A patch against the fake kernel that does what no kernel patch may do. */
export interface Attack {
  aim: Aim;
  name: string;
  /** Runs with `sh` as the last step of linking, in the object folder; the exit code is ignored. */
  script?: (victims: Victims) => string;
  /** Files that the patch writes. */
  files?: (victims: Victims) => Record<string, string>;
  /** Replaces text of the tree's Makefile. */
  makefile?: (victims: Victims) => [find: string, replacement: string];
  /** How the build has to end; default `either`: what counts is that the attack has no effect. */
  ends?: 'built' | 'build-failed' | 'either';
}

type Script = (victims: Victims) => string;
type Row = readonly [name: string, script: Script];

/** Attacks of one aim by their scripts. */
export const rows = (aim: Aim, list: readonly Row[]): Attack[] =>
  list.map(([name, script]) => ({ aim, name, script }));

/** Perl is part of every Debian: `perl -e` with Perl's own quoting, so that no quote of the shell is needed inside. */
export const perl = (code: string) => `perl -e '${code}'`;
