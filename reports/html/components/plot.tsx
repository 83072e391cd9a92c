import { scaleLinear } from 'd3-scale';
import { symbol, symbolCircle, symbolTriangle } from 'd3-shape';
import type { Cost } from '../costs.ts';
import { figureText, signedPercent } from '../percent.ts';
import { clip } from '../text.ts';
import { Wide } from './parts.tsx';

/** Widths and heights of the plot in units of its view box: about CSS pixels on a wide page. */
const WIDTH = 760;
const LABEL = 250;
const RIGHT = 70;
const ROW = 20;
const AXIS = 26;
/** Changes that one plot shows: more rows than this are no picture any more. */
const MOST = 120;

const CLASSES = { better: 'good', worse: 'bad', changed: 'warn', same: 'mute' } as const;

const labelOf = ({ workload: { kind, size, depth, engine } }: Cost): string =>
  clip(
    [kind, size === undefined ? '' : `${size}k`, depth === undefined ? '' : `depth ${depth}`, engine]
      .filter((part) => part !== '')
      .join(' '),
    44,
  );

function extentOf(costs: readonly Cost[]): [number, number] {
  const values = costs.flatMap(({ change = 0, interval = [0, 0], threshold = 0 }) => [
    ...[change, ...interval],
    ...[threshold, -threshold],
  ]);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  // A plot of equal figures needs a width too.
  return low === high ? [-0.01, 0.01] : [low, high];
}

/** By engine, kind and depth, then by size: a trend over sizes is a line of neighbours. */
function byWorkload({ workload: a }: Cost, { workload: b }: Cost): number {
  return (
    a.engine.localeCompare(b.engine) ||
    a.kind.localeCompare(b.kind) ||
    (a.depth ?? 0) - (b.depth ?? 0) ||
    (a.size ?? 0) - (b.size ?? 0)
  );
}

type Scale = ReturnType<typeof scaleLinear<number, number>>;

/** Rounded, so that a plot of many rows stays small. */
const at = (value: number) => Math.round(value * 10) / 10;

function Mark({ cost, x, y }: { cost: Cost; x: Scale; y: number }) {
  const { change = 0, interval, threshold, verdict = 'same' } = cost;
  const shape = symbol(verdict === 'better' || verdict === 'worse' ? symbolTriangle : symbolCircle, 52)();
  // A triangle points to where the figure went, for those who see no colour.
  const turn = change > 0 ? 90 : -90;
  const isTriangle = verdict === 'better' || verdict === 'worse';
  return (
    <g class={CLASSES[verdict]}>
      {threshold === undefined ? null : (
        <rect
          class="band"
          x={at(x(-threshold))}
          y={y - ROW / 2 + 2}
          width={at(Math.max(1, x(threshold) - x(-threshold)))}
          height={ROW - 4}
        />
      )}
      {interval ? (
        <path class="range" d={`M${at(x(interval[0]))},${y - 4}v8m0,-4H${at(x(interval[1]))}m0,-4v8`} />
      ) : null}
      <path
        class="mark"
        d={shape ?? ''}
        transform={`translate(${at(x(change))},${y})${isTriangle ? ` rotate(${turn})` : ''}`}
      />
      <text class="value" x={WIDTH} y={y} text-anchor="end" dy="0.35em">
        {verdict === 'same' ? '~' : signedPercent(change)}
      </text>
    </g>
  );
}

function Axis({ x, height }: { x: Scale; height: number }) {
  const ticks = x.ticks(6);
  return (
    <g class="axis">
      {ticks.map((tick) => (
        <g transform={`translate(${at(x(tick))},0)`}>
          <line class={tick === 0 ? 'zero' : ''} y1={AXIS - 6} y2={height} />
          <text y={AXIS - 12} text-anchor="middle">
            {`${tick > 0 ? '+' : tick < 0 ? '−' : ''}${figureText(Math.abs(tick * 100))}%`}
          </text>
        </g>
      ))}
    </g>
  );
}

/**
 * The changes of figures one below another, by engine, kind, depth and size. The table beside it has the same
 * for those who do not see it.
 */
export function ForestPlot({ title, costs }: { title: string; costs: readonly Cost[] }) {
  const rows = costs
    .filter(({ change }) => change !== undefined)
    .sort(byWorkload)
    .slice(0, MOST);
  if (rows.length === 0) return null;
  const height = AXIS + rows.length * ROW + 4;
  const x = scaleLinear()
    .domain(extentOf(rows))
    .nice(6)
    .range([LABEL, WIDTH - RIGHT]);
  return (
    <Wide label={title}>
      <svg
        class="plot"
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label={`${title}; the tables have the same figures`}
      >
        <Axis x={x} height={height} />
        {rows.map((cost, index) => {
          const y = AXIS + index * ROW + ROW / 2;
          return (
            <g>
              <text x={LABEL - 14} y={y} text-anchor="end" dy="0.35em">
                {labelOf(cost)}
              </text>
              <Mark cost={cost} x={x} y={y} />
            </g>
          );
        })}
      </svg>
    </Wide>
  );
}
