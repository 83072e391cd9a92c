import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EventBody, EventOf } from '../../model/event.ts';
import type { KernelConfigRequest } from '../../model/kernel.ts';
import { FakeKernel } from './tree.ts';

/** Sources of the fake kernel. */
export const SOURCES = {
  'src/a.c': 'int a(void) { return 1; }\n',
  'src/b.c': 'const char *b = __FILE__;\n',
};

/** What a test builds fake kernels with, in a cache of its folder. `cache`: its name. */
export function settingOf(t: { testdir(): string }, fragment = 'CONFIG_NVME=y\n') {
  const dir = t.testdir();
  process.env.RINGLAB_CACHE = join(dir, 'cache');
  const kernel = new FakeKernel(dir);
  const events: EventBody[] = [];
  const abort = new AbortController();
  const ctx = { signal: abort.signal, emit: (event: EventBody) => void events.push(event) };
  const request: KernelConfigRequest = {
    start: 'tinyconfig',
    fragments: [kernel.fragment('mine', fragment)],
    debug: false,
  };
  const notes = () =>
    events.filter((event): event is EventOf<'note'> => event.type === 'note').map(({ note }) => note);
  const compiled = (name: string) =>
    events
      .filter((event): event is EventOf<'kernel.progress'> => event.type === 'kernel.progress')
      .filter((event) => event.kernel === name)
      .map(({ target }) => target);
  /** Private folders of builds, which no build may leave behind. */
  const leftovers = () => readdirSync(join(dir, 'work')).filter((name) => name.startsWith('private-'));
  return { dir, kernel, events, abort, ctx, request, notes, compiled, leftovers };
}
