import { scaleLinear, scalePoint } from 'd3-scale';
import { line } from 'd3-shape';
import type { Cost } from '../costs.ts';
import { figureText } from '../percent.ts';
import { clip } from '../text.ts';
import { Wide } from './parts.tsx';

/** A panel in units of the view box, and how many are in a row. */
const PANEL = { width: 246, height: 150, left: 48, right: 14, top: 30, bottom: 24 };
const PER_ROW = 3;
/** Panels of one plot. */
const MOST = 12;

/** A curve of a panel: figures of one depth on one side, by size. */
interface Curve {
  side: 'base' | 'patched';
  points: { size: number; value: number }[];
}

interface Panel {
  title: string;
  curves: Curve[];
}

function panelsOf(costs: readonly Cost[]): Panel[] {
  const panels = new Map<string, Map<string, Curve>>();
  for (const { workload, ...cost } of costs) {
    const { kind, size, depth, engine } = workload;
    if (size === undefined) continue;
    const title = `${kind} ${engine}`.trim();
    const curves = panels.get(title) ?? new Map<string, Curve>();
    panels.set(title, curves);
    for (const side of ['base', 'patched'] as const) {
      const value = cost[side];
      if (value === undefined) continue;
      const key = `${side} ${depth}`;
      const curve = curves.get(key) ?? { side, points: [] };
      curve.points.push({ size, value });
      curves.set(key, curve);
    }
  }
  return [...panels].flatMap(([title, curves]) => {
    const all = [...curves.values()].filter(({ points }) => points.length > 1);
    for (const { points } of all) points.sort((a, b) => a.size - b.size);
    return all.length > 0 ? [{ title, curves: all }] : [];
  });
}

function PanelPlot({
  panel,
  index,
  top,
  sizes,
}: {
  panel: Panel;
  index: number;
  top: number;
  sizes: number[];
}) {
  const { width, height, left, right, bottom } = PANEL;
  const x = scalePoint(sizes, [left + 8, width - right]);
  const y = scaleLinear([0, top], [height - bottom, PANEL.top]).nice(3);
  const path = line<{ size: number; value: number }>(
    ({ size }) => Math.round(x(size) ?? 0),
    ({ value }) => Math.round(y(value) * 10) / 10,
  );
  const place = `translate(${(index % PER_ROW) * (width + 11)},${Math.floor(index / PER_ROW) * (height + 12)})`;
  return (
    <g transform={place}>
      <text x={left} y={16} class="panel-title">
        {clip(panel.title, 36)}
      </text>
      <g class="axis">
        {y.ticks(3).map((tick) => (
          <g transform={`translate(0,${Math.round(y(tick))})`}>
            <line x1={left} x2={width} />
            <text x={left - 6} text-anchor="end" dy="0.35em">
              {figureText(tick)}
            </text>
          </g>
        ))}
        {sizes.map((size) => (
          <text x={x(size)} y={height - 6} text-anchor="middle">{`${size}k`}</text>
        ))}
      </g>
      {panel.curves.map(({ side, points }) => (
        <path class={`curve ${side}`} d={path(points) ?? ''} />
      ))}
    </g>
  );
}

/** What a request costs by its size: a panel for each kind and engine, a curve for each depth and side. */
export function SizePlot({ title, costs }: { title: string; costs: readonly Cost[] }) {
  const panels = panelsOf(costs).slice(0, MOST);
  if (panels.length === 0) return null;
  const points = panels.flatMap(({ curves }) => curves.flatMap((curve) => curve.points));
  const sizes = [...new Set(points.map(({ size }) => size))].sort((a, b) => a - b);
  const top = Math.max(...points.map(({ value }) => value));
  const rows = Math.ceil(panels.length / PER_ROW);
  const height = rows * (PANEL.height + 12);
  return (
    <Wide label={title}>
      <p class="legend">By size, a curve for each depth: base dashed, patched solid.</p>
      <svg
        class="plot"
        viewBox={`0 0 ${PER_ROW * (PANEL.width + 11)} ${height}`}
        role="img"
        aria-label={`${title}; the tables have the same figures`}
      >
        {panels.map((panel, index) => (
          <PanelPlot panel={panel} index={index} top={top} sizes={sizes} />
        ))}
      </svg>
    </Wide>
  );
}
