import t from 'tap';
import type { MutantFile } from '../experiment/mutant-files.ts';
import type { StepBuild } from '../kernel/index.ts';
import type { KernelBuild } from '../model/kernel.ts';
import type { Output } from '../model/output.ts';
import { wantsColors } from './output.ts';

/** Compiles only when both types have the same fields: a field that is new in the code must be in the published schema. */
type SameFields<A, B> = [keyof A, keyof B] extends [keyof B, keyof A] ? true : never;

const published: [
  SameFields<Output<'build'>, KernelBuild>,
  SameFields<Output<'build-each'>[number], StepBuild>,
  SameFields<Output<'mutants-dry-run'>['mutants'][number], MutantFile>,
] = [true, true, true];

t.test('the outputs of builds and mutants have the fields of their schemas', (t) => {
  t.ok(published.every(Boolean), 'which the compiler has checked');
  t.end();
});

t.test('output is coloured on a terminal only, and not with NO_COLOR, CI or TERM=dumb', (t) => {
  const terminal = { isTTY: true };
  t.equal(wantsColors(terminal, { TERM: 'xterm' }), true);
  t.equal(wantsColors(terminal, { NO_COLOR: '1' }), false);
  t.equal(wantsColors(terminal, { CI: 'true' }), false);
  t.equal(wantsColors(terminal, { TERM: 'dumb' }), false);
  t.equal(wantsColors({}, {}), false);
  t.end();
});
