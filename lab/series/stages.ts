import type { Resources } from '../core/resource.ts';
import type { Note } from '../model/note.ts';
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
  /** Of a commit: how many lines of the text are its message, which has no headers and no end mark in it. */
  messageLines?: number;
  /** Set when the body does not decode in its character set, so that a patch in it would be damaged. */
  garbled?: boolean;
  /** Character set that its diff was converted from, since it is not UTF-8. */
  converted?: string;
  /** Set when neither a header nor the text gives a title, which is then the name of the file. */
  untitled?: boolean;
  /** Parts that are no text, such as images and packed files. */
  left?: { type: string; name?: string }[];
}

/** The files that a series is read from, and what their place says about it. */
export interface SourceFiles {
  /** `where`: the file in messages to the user; `bytes`: its content, where it is no file on the disk. */
  files: { path: string; where: string; bytes?: Buffer }[];
  /** Given for a folder or git range; of a file, its format gives it. */
  origin?: Series['origin'];
  /** Set when the order of the files and of the mails in them is that of the patches, whatever their subjects say; `named`: unless these number one posting. */
  queue?: 'named' | 'exact';
  /** The mails of a git range, which are read from the commits. */
  mails?: Mail[];
  /** The folder's series.yaml. */
  info?: SeriesInfo;
}

/** What finding a source needs. */
export interface Finding {
  /** The repository of a git range. */
  repo: string;
  /** The version to take of a folder with several. */
  version: number | undefined;
  /** Owns what is made for a source. */
  resources: Resources;
  note: (note: Note) => void;
  signal: AbortSignal;
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
  /** Whether it starts with `Re:` or the like. */
  reply: boolean;
  /** Whether it starts with `Fwd:`. */
  forward: boolean;
  /** Whether a prefix marks a patch or cover letter: `PATCH`, `RFC`, or `k/M`. */
  patch: boolean;
  /** Whether a prefix says `RFC`, or `RESEND`. */
  rfc: boolean;
  resend: boolean;
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
  /** Position of its mail in the source. */
  order: number;
  /** Index of the line where its diff starts; absent when it has none. A quoted diff does not count. */
  diffStart?: number;
}

/** The mails of one posting of a series. */
export interface Posting {
  version: number;
  /** Number of patches that its subjects announce. */
  total: number;
  cover?: Entry;
  /** One for each number, in order; numbers may be absent. */
  patches: Entry[];
}
