import { open } from 'node:fs/promises';
import { pieces } from '../model/printk.ts';
import type { SuiteOutcome } from './suite-end.ts';

/** End of the console that is searched, bytes: the table of tasks comes with the kill. */
const TAIL = 256 << 10;
/** Bytes of a page in every guest. */
const PAGE_BYTES = 4096;
/** Tasks that are named. */
const LARGEST = 3;

/** The guest ran out of memory: what was killed, and what took the memory. */
export interface OutOfMemory {
  title: string;
  /** The kernel's report from its table of tasks on. */
  detail: string;
}

/** A line of the table of tasks (dump_task, mm/oom_kill.c): pid, uid, tgid, total_vm, rss in pages, ..., name. */
const TASK = /^\[\s*\d+\]\s+\d+\s+\d+\s+\d+\s+(\d+)\s.*\s(\S+)$/;
/** oom_kill_process, mm/oom_kill.c. */
const KILLED = /^(?:Out of memory|Memory cgroup out of memory)[^:]*: Killed process \d+ \(([^)]*)\)/;

const mebibytes = (pages: number) => `${Math.round((pages * PAGE_BYTES) / 2 ** 20)} MiB`;

/** The last kill for want of memory in a console; undefined without one. */
export function outOfMemory(consoleText: string): OutOfMemory | undefined {
  const lines = consoleText.split('\n').flatMap((line) => pieces(line).map(({ text }) => text));
  const end = lines.findLastIndex((line) => KILLED.test(line));
  const killed = KILLED.exec(lines[end] ?? '')?.[1];
  if (killed === undefined) return undefined;
  const start = lines.findLastIndex((line, index) => index < end && /invoked oom-killer/.test(line));
  const report = lines.slice(Math.max(0, start), end + 1);
  const tasks = report.flatMap((line) => {
    const [, pages, name = ''] = TASK.exec(line) ?? [];
    return pages === undefined ? [] : [{ name, pages: Number(pages) }];
  });
  const largest = tasks.sort((a, b) => b.pages - a.pages).slice(0, LARGEST);
  const names = largest.map(({ name, pages }) => `${name} ${mebibytes(pages)}`).join(', ');
  // Memory that the kernel itself holds is in no task.
  const [, slab] = /\bslab_unreclaimable:(\d+)\b/.exec(report.join('\n')) ?? [];
  const kernel = slab === undefined ? '' : `; unreclaimable slab ${mebibytes(Number(slab))}`;
  const title = `the guest ran out of memory and killed ${killed}${names ? `; largest: ${names}` : ''}${kernel}`;
  return { title, detail: report.join('\n') };
}

async function tailOf(file: string): Promise<string> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const length = Math.min(size, TAIL);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
  return buffer.toString('utf8', 0, bytesRead);
}

/**
 * The outcome of a suite that was killed because its guest ran out of memory: a crash that names the largest consumers, also of the test
 * that was running. Any other outcome is given back.
 */
export async function withOutOfMemory(outcome: SuiteOutcome, consoleFile: string): Promise<SuiteOutcome> {
  if (!outcome.killed) return outcome;
  const found = outOfMemory(await tailOf(consoleFile));
  if (!found) return outcome;
  const { title: reason, detail } = found;
  const notBegun = new Set(outcome.notBegun);
  const tests = outcome.tests.map((test) =>
    test.verdict === 'lost' && !notBegun.has(test.name)
      ? { ...test, verdict: 'crash' as const, reason: `was running when ${reason}`, detail }
      : test,
  );
  return { ...outcome, verdict: 'crash', reason, detail, tests };
}
