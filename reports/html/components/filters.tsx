import type { ChangeGroup } from '../change-view.ts';
import type { Column } from '../columns.ts';
import { clip } from '../text.ts';
import { kindWord } from './parts.tsx';

const uniqueOf = (values: readonly string[]) => [...new Set(values)].sort();

function Choice({
  name,
  label,
  values,
}: {
  name: string;
  label: string;
  values: readonly [string, string][];
}) {
  if (values.length < 2) return null;
  return (
    <label>
      {label}
      <select name={name}>
        <option value="">all</option>
        {values.map(([value, text]) => (
          <option value={value}>{clip(text, 120)}</option>
        ))}
      </select>
    </label>
  );
}

/** The form of the filters, hidden until the script works. */
export function Filters(props: {
  columns: readonly Column[];
  places: readonly { guest: string; suite: string }[];
  changes: readonly ChangeGroup[];
  canSort: boolean;
}) {
  const { columns, places, changes, canSort } = props;
  const pairs = (values: string[]) => uniqueOf(values).map((value): [string, string] => [value, value]);
  return (
    <form id="filters" hidden aria-label="Filters">
      <label class="search">
        Test
        <input type="search" name="test" placeholder="part of a name" autocomplete="off" spellcheck={false} />
      </label>
      <Choice name="guest" label="Guest" values={pairs(places.map(({ guest }) => guest))} />
      <Choice name="suite" label="Suite" values={pairs(places.map(({ suite }) => suite))} />
      <Choice
        name="kernel"
        label="Kernel"
        values={columns.map(({ index, name }): [string, string] => [String(index), name])}
      />
      {canSort ? (
        <label>
          Costs by
          <select name="sort">
            <option value="">significance</option>
            <option value="change">size of change</option>
            <option value="workload">workload</option>
          </select>
        </label>
      ) : null}
      <button type="reset">Clear</button>
      {changes.length > 1 ? (
        <fieldset>
          <legend>Show</legend>
          {changes.map(({ kind, count }) => (
            <label class="chip">
              <input type="checkbox" name="kind" value={kind} />
              {kindWord(kind)} <span data-kind-count={kind}>{count.toLocaleString('en-US')}</span>
            </label>
          ))}
        </fieldset>
      ) : null}
      <output name="shown" aria-live="polite" />
    </form>
  );
}
