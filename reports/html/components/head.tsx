import type { RunRecord } from '../../../lab/model/run.ts';
import { DID_NOT_END, failedKernels, labFailures, unsandboxedWords } from '../../view.ts';
import { excerptOf } from '../text.ts';
import type { Tone, Verdict } from '../verdict.ts';
import { Badge, Log, type Tint } from './parts.tsx';

const TONES: Record<Tone, { tint: Tint; sign: string; word: string }> = {
  bad: { tint: 'bad', sign: '✗', word: 'Fails' },
  unproven: { tint: 'warn', sign: '?', word: 'Unproven' },
  flaky: { tint: 'warn', sign: '≈', word: 'Flaky' },
  good: { tint: 'good', sign: '✓', word: 'No regression' },
};

function Sentence({ verdict }: { verdict: Verdict }) {
  const { tint, sign, word } = TONES[verdict.tone];
  return (
    <p class="lead">
      <Badge tint={tint} sign={sign}>
        {word}
      </Badge>{' '}
      <strong>{verdict.effect}</strong>
      {`; ${verdict.rest}.`}
    </p>
  );
}

/** What stands in the way of the result: it is said before all results. */
function warningsOf(record: RunRecord, unproven: readonly string[]): string[] {
  const sandbox = unsandboxedWords(record);
  return [
    ...unproven.map((sentence) => `Unproven: ${sentence}.`),
    ...(record.interrupted ? ['The run was interrupted.'] : []),
    ...(record.unfinished ? [`Careful: ${DID_NOT_END}.`] : []),
    ...(sandbox === undefined ? [] : [`Careful: ${sandbox}.`]),
  ];
}

/** Kernels that could not be made, and failures of the lab, with their evidence. */
function Trouble({ record }: { record: RunRecord }) {
  const kernels = failedKernels(record).map(({ name, verdict, message, detail }) => ({
    title: `${name}: ${verdict}, ${message}`,
    detail,
  }));
  const failures = labFailures(record).map(({ subject, message }) => ({
    title: `Failure of the lab: ${subject}`,
    detail: message,
  }));
  return (
    <>
      {[...kernels, ...failures].slice(0, 20).map(({ title, detail }) => (
        <details class="trouble" open>
          <summary>{title}</summary>
          <Log excerpt={excerptOf(detail, 40)} />
        </details>
      ))}
    </>
  );
}

function Facts({ record, against }: { record: RunRecord; against: readonly string[] }) {
  const { series, id, startedAt, seconds } = record;
  const patches = series && `${series.patches.length} ${series.patches.length === 1 ? 'patch' : 'patches'}`;
  const facts = [
    ...(series ? [`series ${series.name}, ${patches}`] : []),
    `run ${id}`,
    ...(against.length > 0 ? [`against ${against.join(', ')}`] : []),
    startedAt.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC'),
    `${Math.round(seconds).toLocaleString('en-US')} s`,
  ];
  return (
    <ul class="facts">
      {facts.map((fact) => (
        <li>{fact}</li>
      ))}
    </ul>
  );
}

/** Title, verdict, and what the results do not prove. */
export function Head(props: {
  record: RunRecord;
  title: string;
  against: readonly string[];
  verdicts: readonly Verdict[];
  unproven: readonly string[];
}) {
  const { record, title, against, verdicts, unproven } = props;
  const warnings = warningsOf(record, unproven);
  return (
    <header>
      <h1>{title}</h1>
      <Facts record={record} against={against} />
      {verdicts.map((verdict) => (
        <Sentence verdict={verdict} />
      ))}
      {warnings.length > 0 ? (
        <ul class="warnings">
          {warnings.map((warning) => (
            <li>{warning}</li>
          ))}
        </ul>
      ) : null}
      <Trouble record={record} />
    </header>
  );
}
