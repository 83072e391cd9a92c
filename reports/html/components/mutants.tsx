import type { MutantRecord } from '../../../lab/model/run.ts';
import { mutantOutcome } from '../../view.ts';
import { clip } from '../text.ts';
import { Badge, Section, Wide } from './parts.tsx';

const OUTCOMES = {
  killed: { tint: 'good', sign: '✓' },
  survived: { tint: 'bad', sign: '✗' },
  broken: { tint: 'warn', sign: '?' },
} as const;

/** What became of each planted fault: survivors first. */
export function Mutants({ mutants }: { mutants: readonly MutantRecord[] }) {
  const sorted = [...mutants].sort((a, b) => Number(a.killed) - Number(b.killed));
  return (
    <Section id="changes" title="Planted faults" note={String(mutants.length)}>
      <Wide label="Planted faults">
        <table class="facts-table">
          <caption class="hidden">Mutants with what noticed them</caption>
          <thead>
            <tr>
              <th scope="col">Outcome</th>
              <th scope="col">Mutant</th>
              <th scope="col">Fault</th>
              <th scope="col">Noticed by</th>
            </tr>
          </thead>
          <tbody>
            {sorted.slice(0, 500).map((mutant) => {
              const outcome = mutantOutcome(mutant);
              return (
                <tr>
                  <td>
                    <Badge {...OUTCOMES[outcome]}>{outcome}</Badge>
                  </td>
                  <th scope="row">{clip(mutant.name, 160)}</th>
                  <td>{clip(mutant.fault, 300)}</td>
                  <td>{clip(mutant.broken ?? mutant.killedBy ?? '', 400)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}
