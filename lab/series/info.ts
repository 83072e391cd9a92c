import { readdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { exists } from '../core/cache.ts';
import { InputError } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import { parseYaml } from '../model/parse.ts';
import type { Series } from '../model/series.ts';
import { assemble } from './assemble.ts';
import { noPatchProblem } from './explain.ts';
import { type Mail, parseMail } from './mail.ts';
import { looksLikeMbox, splitMbox } from './mbox.ts';
import { readSource } from './read.ts';
import { type Entry, readEntries } from './thread.ts';

/** `series.yaml` of a series under kernels/series/: its base and what it is tested with. */
export const SeriesInfo = z
  .object({
    title: z.string().min(1),
    /** Source name, e.g. `debian-6.12`. */
    base: z.string().min(1),
    /** Name of another series, which must be applied first. */
    needs: z.string().min(1).optional(),
    /** Names of the suites and guest profiles that test it. */
    suites: z.array(z.string().min(1)),
    guests: z.array(z.string().min(1)),
    /** Objections of reviewers, and how the series answers them. */
    objections: z
      .array(z.object({ by: z.string().optional(), said: z.string(), answer: z.string() }).strict())
      .optional(),
  })
  .strict();
export type SeriesInfo = z.infer<typeof SeriesInfo>;

const MAX_FILES = 1000;
const NUMBERED = /^(?:v\d+-)?(\d{1,6})-/;

/** `series.yaml` of a folder; undefined when it has none. Throws InputError when it is malformed. */
async function readInfo(dir: string): Promise<SeriesInfo | undefined> {
  const file = join(dir, 'series.yaml');
  if (!(await exists(file))) return undefined;
  return parseYaml(SeriesInfo, await readFile(file, 'utf8'), file);
}

/** Names of the patch files of a folder, in the order of their numbers. */
async function patchFiles(dir: string): Promise<string[]> {
  const files = (await readdir(dir)).filter((file) => /\.(?:patch|diff|eml)$/i.test(file));
  if (files.length === 0) {
    throw new InputError({
      what: 'no *.patch in this folder',
      where: dir,
      fix: 'git format-patch -o DIR BASE..TIP',
    });
  }
  if (files.length > MAX_FILES)
    throw new InputError({ what: `${files.length} patches`, where: dir, expected: `at most ${MAX_FILES}` });
  return files.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

async function readFiles(dir: string, files: readonly string[]): Promise<Mail[]> {
  const mails = files.map(async (file) => {
    const path = join(dir, file);
    const bytes = await readSource(path);
    const [message = bytes] = looksLikeMbox(bytes.toString('latin1', 0, 1000)) ? splitMbox(bytes) : [];
    const mail = await parseMail(message, path);
    if ('what' in mail) throw new InputError(mail);
    return { ...mail, subject: mail.subject || file };
  });
  return Promise.all(mails);
}

/** Numbers patches whose subjects have no `k/M`: by their file names if all have a number, else by their order. */
function numberEntries(entries: readonly Entry[], files: readonly string[]): Entry[] {
  if (entries.every(({ subject }) => subject.number !== undefined)) return [...entries];
  const fileNumbers = files.map((file) => Number(NUMBERED.exec(file)?.[1] ?? Number.NaN));
  const usable =
    fileNumbers.every((number) => !Number.isNaN(number)) && new Set(fileNumbers).size === files.length;
  const numbers = usable ? fileNumbers : files.map((_, index) => index + 1);
  const total = Math.max(...numbers);
  return entries.map((entry, index) => ({
    ...entry,
    subject: {
      ...{ ...entry.subject, patch: true, reply: false, total, version: 1 },
      number: numbers[index] ?? index + 1,
    },
  }));
}

/** A folder of format-patch files; with `info` when it has a series.yaml. Throws one InputError with every problem. */
export async function seriesFromFolder(
  dir: string,
  options: { name?: string; version?: number },
  ctx: StageContext,
): Promise<{ series: Series; info?: SeriesInfo }> {
  const info = await readInfo(dir);
  const files = await patchFiles(dir);
  const entries = numberEntries(readEntries(await readFiles(dir, files)), files);
  if (!entries.some(({ hasDiff }) => hasDiff)) throw new InputError(noPatchProblem(entries, dir));
  const name = options.name ?? (info ? basename(resolve(dir)) : undefined);
  const series = assemble(
    {
      entries,
      where: dir,
      origin: { kind: 'folder', detail: basename(resolve(dir)) },
      fix: 'create it again with git format-patch',
      ...(options.version === undefined ? {} : { version: options.version }),
      ...(name === undefined ? {} : { name }),
    },
    ctx,
  );
  return info ? { series: { ...series, title: info.title }, info } : { series };
}
