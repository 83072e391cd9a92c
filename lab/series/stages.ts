import type { Series } from '../model/series.ts';
import type { SeriesInfo } from './info.ts';

/** An author or sender. */
export interface Person {
  name: string;
  /** Empty when the archive hides it. */
  email: string;
}

/** One message of a thread, from a mail file or an archive page. */
export interface Mail {
  subject: string;
  from: Person;
  date?: string;
  messageId?: string;
  inReplyTo?: string;
  references: string[];
  /** Decoded body, lines ended by `\n`. */
  text: string;
  /** Origin, for messages to the user: `thread.mbox, message 3`. */
  where: string;
  /** Set when the body does not decode in its character set, so that a patch in it would be damaged. */
  garbled?: boolean;
}

/** The files that a series is read from, and what their place says about it. */
export interface SourceFiles {
  /** `where`: the file in messages to the user. */
  files: { path: string; where: string }[];
  /** Given when each file is one patch mail (a folder, a git range); absent for a file of any format. */
  origin?: Series['origin'];
  /** Names of the files of a folder: they number patches whose subjects do not. */
  fileNames?: string[];
  /** The folder's series.yaml. */
  info?: SeriesInfo;
}

/** A file in memory, or one message of it, not decoded. */
export interface RawText {
  bytes: Buffer;
  where: string;
}

/** The mails of a file, folder or range. */
export interface Content {
  mails: Mail[];
  /** Title of the series, where its page has one. */
  title?: string;
  origin: Series['origin'];
}

/** A subject line, parsed. */
export interface Subject {
  /** Whether it starts with `Re:`, `Fwd:` or the like. */
  reply: boolean;
  /** Whether a prefix marks a patch or cover letter: `PATCH`, `RFC`, or `k/M`. */
  patch: boolean;
  /** `v2` -> 2; default 1. */
  version: number;
  /** `k` and `M` of `k/M`; a cover letter has number 0. */
  number?: number;
  total?: number;
  /** The subject without `Re:` and without the bracketed prefixes. */
  title: string;
}

/** A message with its parsed subject. */
export interface Entry {
  mail: Mail;
  subject: Subject;
  /** Position in its posting: `k` of its subject, by default 1; 0 for a cover letter. */
  number: number;
  /** Index of the line where its diff starts; absent when it has none. A quoted diff does not count. */
  diffStart?: number;
}

/** The mails of one posting of a series. */
export interface Posting {
  version: number;
  /** Number of patches that its subjects announce. */
  total: number;
  cover?: Entry;
  /** In the order of the thread; numbers may repeat or be absent. */
  patches: Entry[];
}
