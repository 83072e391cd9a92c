import { ComplaintScanner } from '../console/index.ts';
import type { CellSpec } from '../model/cell.ts';
import type { Guest } from '../model/machine.ts';
import { isResultOf, outerNames, type TestResult } from '../model/result.ts';
import type { AttributedComplaint } from './attribute.ts';
import { markKnown } from './known.ts';

/** What makes the results of later tests in the same guest untrustworthy. `test`: the test that it happened in, if it was one. */
export interface Damage {
  kind: 'complaint' | 'deadline';
  test?: string | undefined;
  title: string;
}

/** Why a guest runs no further test. */
export const damageWords = ({ kind, test, title }: Damage): string =>
  kind === 'complaint' ? `the kernel is not to be trusted after ${title}` : `${test} did not end`;

/** Whether the tests of a cell may go on in a fresh guest. A single program has no tests that the lab could choose from. */
export const mayRestart = ({ suite, payload }: Pick<CellSpec, 'suite' | 'payload'>): boolean =>
  !suite.sequence && payload.kind !== 'program';

/**
 * Notices damage while a suite runs: a fatal complaint of the kernel that is not known, and a test of the agent that ended at its deadline,
 * so that what it began may still be at work. (A program is killed at its deadline, and the next one is another process.)
 */
export class DamageWatch implements Disposable {
  readonly #isAgent: boolean;
  /** Tests with subtests, which have no result of their name, and the tests that have ended. */
  readonly #parents = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #stopConsole: () => void;
  #pending: Damage | undefined;
  #onDamage: (damage: Damage) => void = () => {};
  /** Resolves when the guest is damaged and the test that did it has its result. */
  readonly found: Promise<Damage>;

  constructor(guest: Pick<Guest, 'watchConsole'>, spec: Pick<CellSpec, 'suite' | 'payload' | 'known'>) {
    this.found = new Promise((resolve) => {
      this.#onDamage = resolve;
    });
    this.#isAgent = spec.payload.kind === 'agent';
    if (!mayRestart(spec)) {
      this.#stopConsole = () => {};
      this.#isAgent = false;
      return;
    }
    const scanner = new ComplaintScanner({
      onFatal: (complaint) => {
        if (markKnown([complaint], spec.known).some(({ fatal }) => fatal)) this.#complain(complaint);
      },
    });
    this.#stopConsole = guest.watchConsole((line) => scanner.write(Buffer.from(`${line}\n`, 'latin1')));
  }

  #complain({ test, title }: AttributedComplaint): void {
    if (this.#pending) return;
    this.#pending = { kind: 'complaint', test, title };
    if (test === undefined || this.#ended.has(test)) this.#onDamage(this.#pending);
  }

  /** Takes a result as it arrives. */
  report({ name, verdict }: TestResult): void {
    for (const parent of outerNames(name)) this.#parents.add(parent);
    this.#end(name);
    if (this.#isAgent && verdict === 'timeout')
      this.#onDamage({ kind: 'deadline', test: name, title: 'a deadline' });
  }

  /** Takes the name on a result line. That of a program with subtests, which ends them, is no result. */
  point(name: string): void {
    if (this.#parents.has(name)) this.#end(name);
  }

  #end(name: string): void {
    this.#ended.add(name);
    if (this.#pending?.test === name) this.#onDamage(this.#pending);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    this.#stopConsole();
  }
}

/** The first test that damaged its guest, by the results with their complaints; undefined if none did. */
function damagedBy(
  tests: readonly TestResult[],
  complaints: readonly AttributedComplaint[],
  isAgent: boolean,
): Damage | undefined {
  for (const { name, verdict } of tests) {
    const complaint = complaints.find(
      ({ fatal, test }) => fatal && test !== undefined && isResultOf(name, test),
    );
    if (complaint) return { kind: 'complaint', test: complaint.test, title: complaint.title };
    if (isAgent && verdict === 'timeout') return { kind: 'deadline', test: name, title: 'a deadline' };
  }
  return undefined;
}

/**
 * The results of an attempt without those that came from a damaged guest: they are `lost` here and not begun, so that a fresh guest takes
 * them. What the suite reported of them stays in its TAP file.
 */
export function withoutDamaged<
  T extends { tests: readonly TestResult[]; notBegun: readonly string[]; announced: readonly string[] },
>(judged: T, complaints: readonly AttributedComplaint[], spec: Pick<CellSpec, 'suite' | 'payload'>): T {
  if (!mayRestart(spec)) return judged;
  const damage = damagedBy(judged.tests, complaints, spec.payload.kind === 'agent');
  const { test } = damage ?? {};
  if (!damage || test === undefined) return judged;
  const last = judged.tests.findLastIndex(({ name }) => isResultOf(name, test));
  const kept = judged.tests.slice(0, last + 1);
  const decided = new Set(kept.flatMap(({ name }) => [name, ...outerNames(name)]));
  const rest = judged.announced.filter((name) => !decided.has(name));
  const reason = `no result arrived: ${damageWords(damage)}`;
  // What ended the guest says more of the tests that it kept from running.
  const left = new Map(judged.tests.map((test) => [test.name, test]));
  const notBegun = new Set(judged.notBegun);
  const lost = rest.map((name): TestResult => {
    const own = notBegun.has(name) ? left.get(name) : undefined;
    return own ?? { name, verdict: 'lost', reason };
  });
  return { ...judged, tests: [...kept, ...lost], notBegun: rest };
}
