import type { CellView, Grid, GridKernel, Tally } from '../grid.ts';
import { linksTo } from '../links.ts';
import { clip, type Room } from '../text.ts';
import { Badge, Command, Files, Log, Section, type Tint, Wide } from './parts.tsx';

/** Attempts of a cell that are listed. */
const ATTEMPTS = 24;

interface Mark {
  tint: Tint;
  sign: string;
  words: string;
}

function tallyWords({ pass, fail, skip, todo }: Tally): string {
  return [
    ...(fail > 0 ? [`${fail} failed`] : []),
    `${pass} passed`,
    ...(skip > 0 ? [`${skip} skipped`] : []),
    ...(todo > 0 ? [`${todo} todo`] : []),
  ].join(', ');
}

function markOf({ cell, side, tally }: CellView): Mark {
  const verdict = cell?.verdict ?? side.kernel.failure?.verdict ?? 'lost';
  const counts = tallyWords(tally);
  const executed = tally.pass + tally.fail + tally.todo;
  if (verdict !== 'done')
    return { tint: 'bad', sign: '✗', words: executed > 0 ? `${verdict}: ${counts}` : verdict };
  if (tally.fail > 0) return { tint: 'bad', sign: '✗', words: counts };
  if (executed === 0) return { tint: 'mute', sign: '○', words: counts };
  return { tint: 'good', sign: '✓', words: counts };
}

const dataOf = ({ guest, suite, columns }: CellView) => ({
  'data-guest': guest,
  'data-suite': suite,
  'data-kernel': columns.join(' '),
});

function GridCell({ view }: { view: CellView | undefined }) {
  if (!view) return <td class="none">not run</td>;
  const { tint, sign, words } = markOf(view);
  return (
    <td class={tint}>
      <a href={`#cell-${view.index}`}>
        <span aria-hidden="true">{sign}</span> {words}
      </a>
    </td>
  );
}

function kernelTitle({ role, side }: GridKernel, grid: Grid): string {
  const runs = new Set(grid.kernels.map((each) => each.side.record.id));
  return `${side.kernel.name}${runs.size > 1 ? ` (${side.record.id})` : ''} · ${role}`;
}

function Matrix({ grid }: { grid: Grid }) {
  return (
    <Wide label="Matrix of kernels, guests and suites">
      <table class="grid">
        <caption class="hidden">Results of each suite on each guest and kernel</caption>
        <thead>
          <tr>
            <th scope="col">Guest</th>
            <th scope="col">Suite</th>
            {grid.kernels.map((kernel) => (
              <th scope="col">{clip(kernelTitle(kernel, grid), 160)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {grid.rows.map(({ guest, suite, cells }) => (
            <tr data-guest={guest} data-suite={suite}>
              <th scope="row">{clip(guest, 120)}</th>
              <td>{clip(suite, 120)}</td>
              {cells.map((view) => (
                <GridCell view={view} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

const seconds = (ms: number | undefined) => (ms === undefined ? '' : `${(ms / 1000).toFixed(1)} s`);

function Attempts({ view }: { view: CellView }) {
  const { cell, side } = view;
  const attempts = cell?.attempts ?? [];
  return (
    <>
      {attempts.slice(0, ATTEMPTS).map((attempt) => {
        const { repeat, shard, verdict, reason, timings, qemu, start, artefacts } = attempt;
        const spec = artefacts.find(({ kind }) => kind === 'spec')?.file;
        const facts = [
          `boot ${repeat}, attempt ${attempt.attempt}${shard === undefined ? '' : `, shard ${shard}`}`,
          verdict,
          ...(reason === undefined ? [] : [clip(reason, 300)]),
          ...(start ? [start.how === 'fork' ? 'forked' : 'booted'] : []),
          ...(timings.bootMs === undefined ? [] : [`ready after ${seconds(timings.bootMs)}`]),
          seconds(timings.totalMs),
          ...(qemu ? [`QEMU ${clip(qemu.version, 80)}, ${clip(qemu.accel, 40)}`] : []),
        ];
        return (
          <div class="attempt">
            <p>{facts.join(' · ')}</p>
            <Files links={linksTo(artefacts, side.folder)} />
            <Command
              label="Repeat"
              command={side.folder && spec !== undefined ? side.folder.repeat(spec) : undefined}
            />
          </div>
        );
      })}
      {attempts.length > ATTEMPTS ? (
        <p>{`${attempts.length - ATTEMPTS} more attempts are in the record.`}</p>
      ) : null}
    </>
  );
}

function CellDetails({ view, room }: { view: CellView; room: Room }) {
  const { cell, guest, suite, side, index } = view;
  const { tint, sign, words } = markOf(view);
  const failure = side.kernel.failure;
  const reason = cell?.reason ?? failure?.message;
  const excerpt = room.excerpt(cell?.detail ?? failure?.detail, 20);
  return (
    <details class="cell" {...dataOf(view)}>
      <summary>
        <Badge tint={tint} sign={sign}>
          {words}
        </Badge>
        <span class="name">{clip(`${guest} / ${suite}`, 200)}</span>
        <span class="where">{clip(side.kernel.name, 120)}</span>
      </summary>
      <div class="body" id={`cell-${index}`}>
        {reason === undefined ? null : <p class="reason">{clip(reason, 600)}</p>}
        {excerpt ? <Log excerpt={excerpt} /> : null}
        <Attempts view={view} />
      </div>
    </details>
  );
}

/** The matrix, and each cell with its attempts and files. */
export function Cells({ grid, room }: { grid: Grid; room: Room }) {
  const bad = grid.cells.filter((view) => markOf(view).tint === 'bad').length;
  return (
    <Section id="matrix" title="Matrix" note={`${grid.cells.length} cells`}>
      {grid.rows.length === 0 ? <p class="calm">No cell ran.</p> : <Matrix grid={grid} />}
      {grid.cells.length > 0 ? (
        <details class="rest" id="cells">
          <summary>{`Attempts and logs of ${grid.cells.length} cells${bad > 0 ? `, ${bad} of which failed` : ''}`}</summary>
          {grid.cells.map((view) => (
            <CellDetails view={view} room={room} />
          ))}
        </details>
      ) : null}
    </Section>
  );
}
