import type { ChangeGroup, ChangeView } from '../change-view.ts';
import type { Kind } from '../changes.ts';
import { type CellList, sizeOf } from '../name-lists.ts';
import { excerptOf } from '../text.ts';
import { Command, capital, Files, KindBadge, kindWord, Log, placeData, Section, Verdicts } from './parts.tsx';

/** Changes of a kind that are unfolded from the start, the most severe kinds only. */
const OPEN: Partial<Record<Kind, number>> = { regressed: 8, failing: 8, failed: 8, flaky: 3 };

function Difference({ change }: { change: ChangeView }) {
  const { difference, reason } = change;
  if (!difference) return reason === undefined ? null : <p class="reason">{reason}</p>;
  return (
    <dl class="difference">
      {difference.quantity === undefined ? null : (
        <div>
          <dt>checked</dt>
          <dd>{difference.quantity}</dd>
        </div>
      )}
      <div>
        <dt>expected</dt>
        <dd>
          <code>{difference.expected}</code>
        </dd>
      </div>
      <div>
        <dt>actual</dt>
        <dd>
          <code>{difference.got}</code>
        </dd>
      </div>
    </dl>
  );
}

function Evidence({ change }: { change: ChangeView }) {
  const { confirmed, evidence, trail } = change;
  return (
    <div class="body">
      <Difference change={change} />
      {confirmed === undefined ? null : <p class="attempts">{confirmed}</p>}
      {evidence ? (
        <figure>
          <figcaption>{evidence.title}</figcaption>
          <Log excerpt={evidence.excerpt} />
        </figure>
      ) : null}
      {trail?.lastTap === undefined ? null : (
        <figure>
          <figcaption>Last TAP line of the attempt</figcaption>
          <Log excerpt={excerptOf(trail.lastTap, 1)} />
        </figure>
      )}
      <Command label="Repeat" command={trail?.command} />
      {trail ? <Files links={trail.links} /> : null}
    </div>
  );
}

function Change({ change, open }: { change: ChangeView; open: boolean }) {
  const { kind, name, place, where, base, patched } = change;
  return (
    <details class="change" data-kind={kind} {...placeData(place)} open={open}>
      <summary>
        <KindBadge kind={kind} />
        <span class="name" data-name>
          {name}
        </span>
        <span class="where">{change.class === undefined ? where : `${where} · ${change.class}`}</span>
        <Verdicts base={base} patched={patched} />
      </summary>
      <Evidence change={change} />
    </details>
  );
}

/** Tests of a cell by name. */
export function CellTests({ list, kind }: { list: CellList; kind: Kind }) {
  const { place, where, groups } = list;
  const counts = groups.map(({ words, names, more }) => `${names.length + more} ${words}`).join(', ');
  return (
    <details class="cell-tests" data-kind={kind} {...placeData(place)}>
      <summary>
        {where} <small>{counts}</small>
      </summary>
      {groups.map(({ words, names, more }) => (
        <div>
          {groups.length > 1 ? <p class="words">{words}</p> : null}
          <ul class="names">
            {names.map((name) => (
              <li>{name}</li>
            ))}
          </ul>
          {more > 0 ? <p class="note">{`${more.toLocaleString('en-US')} more are in the record.`}</p> : null}
        </div>
      ))}
    </details>
  );
}

const sumOf = (lists: readonly CellList[]) => lists.reduce((sum, list) => sum + sizeOf(list), 0);

function Group({ group }: { group: ChangeGroup }) {
  const { kind, count, changes, rest } = group;
  const open = OPEN[kind] ?? 0;
  return (
    <div class="group" data-group={kind}>
      <h3>
        {capital(kindWord(kind))} <small data-count>{count.toLocaleString('en-US')}</small>
      </h3>
      {changes.map((change, index) => (
        <Change change={change} open={index < open} />
      ))}
      {rest.length > 0 ? (
        <details class="rest">
          <summary>{`${sumOf(rest).toLocaleString('en-US')} more, whose evidence is in the logs`}</summary>
          {rest.map((list) => (
            <CellTests list={list} kind={kind} />
          ))}
        </details>
      ) : null}
    </div>
  );
}

/** What changed, by kind, with the evidence; what did not is folded away. */
export function Changes(props: {
  title: string;
  groups: readonly ChangeGroup[];
  unchanged: readonly CellList[];
}) {
  const { title, groups, unchanged } = props;
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const same = sumOf(unchanged);
  return (
    <Section id="changes" title={title} note={count.toLocaleString('en-US')}>
      {count === 0 ? <p class="calm">No relevant changes.</p> : null}
      <p class="calm" id="none-match" hidden>
        No change matches the filters.
      </p>
      {groups.map((group) => (
        <Group group={group} />
      ))}
      {same > 0 ? (
        <details class="rest" id="unchanged">
          <summary>{`${same.toLocaleString('en-US')} ${same === 1 ? 'test' : 'tests'} without a relevant change`}</summary>
          {unchanged.map((list) => (
            <CellTests list={list} kind="same" />
          ))}
        </details>
      ) : null}
    </Section>
  );
}
