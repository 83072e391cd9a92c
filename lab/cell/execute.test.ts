import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import t from 'tap';
import type { CellSpec } from '../model/cell.ts';
import type { EventOf, LabEvent } from '../model/event.ts';
import type { Guest } from '../model/machine.ts';
import { executeSuite } from './execute.ts';
import { resultByExitCode } from './program.ts';

/** A guest whose commands run here. */
const guest = {
  startedAt: 0,
  death: new Promise(() => {}),
  consoleText: () => '',
  async exec(command: string, { onStdout, onStderr }: Parameters<Guest['exec']>[1] = {}) {
    const child = spawn('sh', ['-c', command]);
    child.stdout.on('data', (chunk: Buffer) => onStdout?.(chunk));
    child.stderr.on('data', (chunk: Buffer) => onStderr?.(chunk));
    const [code] = await once(child, 'close');
    return { code };
  },
} as Partial<Guest> as Guest;

/** Runs a command as the suite: its outcome, and the tests that were told meanwhile. */
async function outcomeOf(command: string, verdict: 'auto' | 'tap') {
  const told: string[] = [];
  const emit = (event: Omit<LabEvent, 'at'>) => {
    const { test } = event as EventOf<'test.end'>;
    told.push(`${test.name}: ${test.verdict}`);
  };
  const program =
    verdict === 'tap' ? { tapFirst: false } : { convention: 'liburing' as const, tapFirst: true };
  const launch = {
    command,
    byExitCode: resultByExitCode('prog', program),
    [Symbol.asyncDispose]: async () => {},
  };
  const spec = { deadlines: { suiteMs: 20_000 }, kernel: { debug: false } } as CellSpec;
  const ctx = { signal: new AbortController().signal, emit };
  const options = { cell: 'k/plain/prog', sink: new PassThrough().resume() };
  const outcome = await executeSuite(guest, spec, launch, options, ctx);
  return { ...outcome, told };
}

t.test('the exit code of a program without TAP is its only result, and is told', async (t) => {
  const passed = await outcomeOf('echo all fine', 'auto');
  t.same(passed.tests, [{ name: 'prog', verdict: 'pass', detail: 'all fine' }]);
  t.same(passed.told, ['prog: pass']);
  const failed = await outcomeOf('echo oh no; exit 3', 'auto');
  t.match(failed, { verdict: 'done', tests: [{ name: 'prog', verdict: 'fail', reason: 'exit code 3' }] });
  t.same(failed.told, ['prog: fail']);
});

t.test('TAP outranks the exit code where both are there', async (t) => {
  const { tests, told } = await outcomeOf('printf "ok 1 - one\\nok 2 - two\\n1..2\\n"', 'auto');
  t.match(tests, [{ name: 'one', verdict: 'pass' }, { name: 'two' }]);
  t.same(told, ['one: pass', 'two: pass']);
});

t.test('a program of which only TAP counts, and that prints none, has lost its results', async (t) => {
  const { tests, told } = await outcomeOf('echo all fine', 'tap');
  t.match(tests, [{ verdict: 'lost', reason: /no test result arrived/ }]);
  t.equal(told.length, 1);
});
