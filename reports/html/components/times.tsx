import { scaleUtc } from 'd3-scale';
import type { RunRecord, Span } from '../../../lab/model/run.ts';
import { clip } from '../text.ts';
import { Section, Wide } from './parts.tsx';

const WIDTH = 760;
const LABEL = 290;
const RIGHT = 84;
const ROW = 18;
const AXIS = 26;
/** The longest spans, which the chart shows. */
const MOST = 40;
const STAGES: readonly Span['stage'][] = ['source', 'kernel', 'image', 'cell'];

/** `850 ms`, `12.3 s`, `4 min 05 s`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
  const rest = seconds % 60;
  return `${Math.floor(seconds / 60)} min${rest === 0 ? '' : ` ${String(rest).padStart(2, '0')} s`}`;
}

function Chart({ spans }: { spans: readonly Span[] }) {
  const shown = [...spans]
    .sort((a, b) => b.ms - a.ms)
    .slice(0, MOST)
    .sort((a, b) => a.startMs - b.startMs);
  const end = Math.max(1, ...shown.map(({ startMs, ms }) => startMs + ms));
  // A scale of times has its ticks at whole seconds and minutes.
  const x = scaleUtc([0, end], [LABEL, WIDTH - RIGHT]);
  const height = AXIS + shown.length * ROW + 4;
  return (
    <Wide label="Stages over time">
      <svg
        class="plot"
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label="When each stage worked; the table has the sums"
      >
        <g class="axis">
          {x.ticks(5).map((tick) => (
            <g transform={`translate(${Math.round(x(tick))},0)`}>
              <line y1={AXIS - 6} y2={height} />
              <text y={AXIS - 12} text-anchor="middle">
                {tick.getTime() === 0 ? '0' : durationText(tick.getTime())}
              </text>
            </g>
          ))}
        </g>
        {shown.map(({ stage, subject, startMs, ms }, index) => {
          const y = AXIS + index * ROW;
          return (
            <g>
              <text x={LABEL - 14} y={y + ROW / 2} text-anchor="end" dy="0.35em">
                {clip(stage === 'cell' ? subject : `${stage} ${subject}`, 44)}
              </text>
              <rect
                class={`stage-${stage}`}
                x={Math.round(x(startMs))}
                y={y + 3}
                width={Math.max(2, Math.round(x(startMs + ms) - x(startMs)))}
                height={ROW - 6}
                rx={2}
              />
              <text class="value" x={WIDTH} y={y + ROW / 2} text-anchor="end" dy="0.35em">
                {durationText(ms)}
              </text>
            </g>
          );
        })}
      </svg>
    </Wide>
  );
}

/** Time spent per stage, and when. */
export function Times({ record }: { record: RunRecord }) {
  const { spans, seconds } = record;
  const sums = STAGES.map((stage) => {
    const own = spans.filter((span) => span.stage === stage);
    return { stage, count: own.length, ms: own.reduce((sum, { ms }) => sum + ms, 0) };
  }).filter(({ count }) => count > 0);
  return (
    <Section id="times" title="Time" note={durationText(seconds * 1000)}>
      {sums.length === 0 ? <p class="calm">The record has no times of stages.</p> : null}
      {sums.length > 0 ? (
        <table class="facts-table">
          <caption class="hidden">Time spent per stage</caption>
          <thead>
            <tr>
              <th scope="col">Stage</th>
              <th scope="col" class="number">
                Steps
              </th>
              <th scope="col" class="number">
                Time of all
              </th>
            </tr>
          </thead>
          <tbody>
            {sums.map(({ stage, count, ms }) => (
              <tr>
                <th scope="row">{stage}</th>
                <td class="number">{count}</td>
                <td class="number">{durationText(ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
      {sums.length > 0 ? <Chart spans={spans} /> : null}
    </Section>
  );
}
