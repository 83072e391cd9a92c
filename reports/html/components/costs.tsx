import {
  type Cost,
  type CostGroup,
  directionsOf,
  ENOUGH_BOOTS,
  isRelevant,
  significanceOf,
  withFewBoots,
} from '../costs.ts';
import { whereOf } from '../name-lists.ts';
import { figureText, signedPercent } from '../percent.ts';
import { clip } from '../text.ts';
import { Badge, placeData, Section, Wide } from './parts.tsx';
import { ForestPlot } from './plot.tsx';
import { SizePlot } from './size-plot.tsx';

const VERDICTS = {
  better: { tint: 'good', word: 'better' },
  worse: { tint: 'bad', word: 'worse' },
  changed: { tint: 'warn', word: 'changed' },
  same: { tint: 'mute', word: 'no change' },
} as const;

function VerdictCell({ cost }: { cost: Cost }) {
  const { verdict, base, change = 0 } = cost;
  if (!verdict) return <>{base === undefined ? 'new' : 'gone'}</>;
  const { tint, word } = VERDICTS[verdict];
  // Whether up or down is better depends on the figure.
  const sign = verdict === 'same' ? '~' : change > 0 ? '▲' : '▼';
  return (
    <Badge tint={tint} sign={sign}>
      {word}
    </Badge>
  );
}

const intervalText = ({ interval }: Cost): string =>
  interval ? `${signedPercent(interval[0])} to ${signedPercent(interval[1])}` : 'not known';

function Row({ cost, order }: { cost: Cost; order: number }) {
  const { workload, test, base, patched, change, threshold, verdict, place } = cost;
  const significance = Math.min(1e9, significanceOf(cost));
  return (
    <tr
      {...placeData(place)}
      data-order={order}
      data-significance={significance.toFixed(3)}
      data-change={Math.abs(change ?? 0).toFixed(6)}
    >
      <th scope="row" title={clip(test, 300)} data-name>
        {clip(workload.kind, 120)}
      </th>
      <td class="number">{workload.size === undefined ? '' : `${workload.size}k`}</td>
      <td class="number">{workload.depth ?? ''}</td>
      <td>{clip(workload.engine, 120)}</td>
      <td class="number">{base === undefined ? '–' : figureText(base)}</td>
      <td class="number">{patched === undefined ? '–' : figureText(patched)}</td>
      <td class="number">{change === undefined ? '' : verdict === 'same' ? '~' : signedPercent(change)}</td>
      <td class="number">{intervalText(cost)}</td>
      <td class="number">{threshold === undefined ? '' : `±${signedPercent(threshold).replace('+', '')}`}</td>
      <td>
        <VerdictCell cost={cost} />
      </td>
    </tr>
  );
}

/** Rows of one table: what is less significant is in the record. */
const ROWS = 150;
/** Groups of a page. */
const GROUPS = 12;

/** Rows of `costs`, most significant first; `data-order` is the order of the benchmark. */
function Table({
  caption,
  costs,
  order,
}: {
  caption: string;
  costs: readonly Cost[];
  order: readonly Cost[];
}) {
  const sorted = [...costs].sort((a, b) => significanceOf(b) - significanceOf(a)).slice(0, ROWS);
  const more = costs.length - sorted.length;
  return (
    <Wide label={caption}>
      <table class="costs" data-sortable>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">Kind</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col" class="number">
              Depth
            </th>
            <th scope="col">Engine</th>
            <th scope="col" class="number">
              Base
            </th>
            <th scope="col" class="number">
              Patched
            </th>
            <th scope="col" class="number">
              Change
            </th>
            <th scope="col" class="number">
              Over boots
            </th>
            <th scope="col" class="number">
              Threshold
            </th>
            <th scope="col">Verdict</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((cost) => (
            <Row cost={cost} order={order.indexOf(cost)} />
          ))}
        </tbody>
      </table>
      {more > 0 ? <p class="note">{`${more} less significant ones are in the record.`}</p> : null}
    </Wide>
  );
}

function Directions({ costs }: { costs: readonly Cost[] }) {
  const directions = directionsOf(costs);
  const same = costs.filter(({ verdict }) => verdict === 'same').length;
  const words = directions.map(
    ({ verdict, count, mean, most }) =>
      `${count} ${verdict} (mean ${signedPercent(mean)}, ${verdict === 'worse' ? 'worst' : 'best'} ${signedPercent(most)})`,
  );
  return <p class="directions">{[...words, `${same} without change`].join(' · ')}</p>;
}

const unitWords = ({ unit, better }: CostGroup) =>
  better === 'none' ? unit : `${unit}, ${better} is better`;

function Group({ group, severalColumns }: { group: CostGroup; severalColumns: boolean }) {
  const { place, figure, costs } = group;
  const relevant = costs.filter(isRelevant);
  const same = costs.filter((cost) => !isRelevant(cost));
  const few = withFewBoots(costs);
  const title = clip(`${figure} (${unitWords(group)})`, 200);
  return (
    <div class="group" {...placeData(place)} data-costs>
      <h3>
        {title} <small>{whereOf(place, severalColumns)}</small>
      </h3>
      <Directions costs={costs} />
      {few.length > 0 ? (
        <p class="note">
          {`Too few boots: ${few.length} of ${costs.length} rest on fewer than ${ENOUGH_BOOTS} of each kernel, or the record has only their median. Run with --repeat ${ENOUGH_BOOTS} or more.`}
        </p>
      ) : null}
      <ForestPlot title={`Change of ${title}`} costs={costs} />
      {group.better === 'none' ? null : <SizePlot title={`${title} by size`} costs={costs} />}
      {relevant.length > 0 ? <Table caption={`Changes of ${title}`} costs={relevant} order={costs} /> : null}
      {same.length > 0 ? (
        <details class="rest">
          <summary>{`${same.length} without change (~)`}</summary>
          <Table caption={`No change of ${title}`} costs={same} order={costs} />
        </details>
      ) : null}
    </div>
  );
}

/** Costs per I/O: primary figures, then those without a better direction on demand. */
export function Costs({ groups, severalColumns }: { groups: readonly CostGroup[]; severalColumns: boolean }) {
  const primary = groups.filter(({ better }) => better !== 'none');
  const secondary = groups.filter(({ better }) => better === 'none');
  const count = groups.reduce((sum, { costs }) => sum + costs.length, 0);
  const changed = primary.flatMap(({ costs }) => costs).filter(isRelevant).length;
  return (
    <Section id="costs" title="Cost per I/O" note={`${changed} changed`}>
      {count === 0 ? <p class="calm">No figure of both kernels was measured.</p> : null}
      {count > 0 ? (
        <p class="legend">
          A dot is the change of the median, its line the range over all boots: every boot counts, no outlier
          is dropped. Within the grey band, the threshold of that row, a difference is no change (~).
        </p>
      ) : null}
      {primary.slice(0, GROUPS).map((group) => (
        <Group group={group} severalColumns={severalColumns} />
      ))}
      {primary.length > GROUPS ? (
        <p class="note">{`${primary.length - GROUPS} more cells and figures are in the record.`}</p>
      ) : null}
      {secondary.length > 0 ? (
        <details class="rest">
          <summary>{`${secondary.reduce((sum, { costs }) => sum + costs.length, 0)} secondary figures, which have no better direction`}</summary>
          {secondary.slice(0, GROUPS).map((group) => (
            <Group group={group} severalColumns={severalColumns} />
          ))}
        </details>
      ) : null}
    </Section>
  );
}
