import { findDiff } from './diff-start.ts';
import type { Content, Entry, Subject } from './stages.ts';
import { parseSubject } from './subject.ts';

/** Largest number of a patch that a file name gives, as in subjects. */
const MAX_NUMBER = 9999;

const NUMBERED = /^(?:v\d+-)?(\d{1,6})-/;

/** Numbers of the patches of a folder: by their file names if all have a number, else by their order. */
function numbersOf(fileNames: readonly string[]): number[] {
  const numbers = fileNames.map((file) => Number(NUMBERED.exec(file)?.[1] ?? Number.NaN));
  const usable =
    numbers.every((number) => number <= MAX_NUMBER) && new Set(numbers).size === fileNames.length;
  return usable ? numbers : fileNames.map((_, index) => index + 1);
}

/** Numbers patches by their files where some subject has no `k/M`. */
function numberSubjects(subjects: Subject[], fileNames: readonly string[]): Subject[] {
  if (subjects.every(({ number }) => number !== undefined)) return subjects;
  const numbers = numbersOf(fileNames);
  const total = Math.max(...numbers);
  return subjects.map((subject, index) => ({
    ...{ ...subject, patch: true, reply: false, total, version: 1 },
    number: numbers[index] ?? index + 1,
  }));
}

/**
 * The mails with their subjects parsed and the starts of their diffs, in the same order. In a folder, `fileNames` stand for subjects and
 * numbers that are missing.
 */
export function readEntries(mails: Content['mails'], fileNames?: readonly string[]): Entry[] {
  const titled = mails.map((mail, index) => ({
    ...mail,
    subject: mail.subject || (fileNames?.[index] ?? ''),
  }));
  const subjects = titled.map((mail) => parseSubject(mail.subject));
  const numbered = fileNames ? numberSubjects(subjects, fileNames) : subjects;
  return numbered.map((subject, index) => {
    const mail = titled[index] as Entry['mail'];
    const diffStart = findDiff(mail.text.split('\n'));
    const number = subject.number ?? 1;
    return { mail, subject, number, ...(diffStart === undefined ? {} : { diffStart }) };
  });
}
