import type { BuildWarning, SeenComplaint } from '../complaints.ts';
import { linksTo } from '../links.ts';
import { clip, type Room } from '../text.ts';
import { Badge, Files, Log, Section } from './parts.tsx';

/** Complaints and warnings that are listed, and lines of a complaint. */
const COMPLAINTS = 100;
const WARNINGS = 300;
const LINES = 30;

function Complaint({ complaint, room }: { complaint: SeenComplaint; room: Room }) {
  const { title, fatal, isNew, known, text, line, cells } = complaint;
  const excerpt = room.excerpt(text, fatal ? LINES : 4);
  const places = [
    ...new Set(cells.map(({ side, guest, suite }) => `${side.kernel.name} / ${guest} / ${suite}`)),
  ];
  const links = cells.slice(0, 3).flatMap(({ side, guest, suite }) => {
    const cell = side.record.cells.find(
      (each) => each.kernel === side.kernel.id && each.profile === guest && each.suite === suite,
    );
    return (cell?.attempts ?? [])
      .slice(0, 4)
      .flatMap(({ artefacts }) => linksTo(artefacts, side.folder, ['console']));
  });
  return (
    <details class="complaint" open={Boolean(isNew && fatal)}>
      <summary>
        {isNew === undefined ? null : (
          <Badge tint={isNew ? 'bad' : 'mute'} sign={isNew ? '+' : '='}>
            {isNew ? 'new' : 'on base too'}
          </Badge>
        )}
        {known === undefined ? null : (
          <Badge tint="mute" sign="○">
            known
          </Badge>
        )}
        {fatal ? null : (
          <Badge tint="mute" sign="○">
            not fatal
          </Badge>
        )}
        <span class="name">{clip(title, 400)}</span>
        <span class="where">
          {places.length > 2 ? `${places.length} cells` : clip(places.join(', '), 300)}
        </span>
      </summary>
      <div class="body">
        {known === undefined ? null : <p>{`Known: ${clip(known, 600)}`}</p>}
        <p class="note">{`Line ${line} of the console; ${clip(places.slice(0, 20).join(', '), 1200)}`}</p>
        {excerpt ? <Log excerpt={excerpt} /> : null}
        <Files links={links} />
      </div>
    </details>
  );
}

/** What the kernels printed about themselves, new first. */
export function Complaints({ complaints, room }: { complaints: readonly SeenComplaint[]; room: Room }) {
  const news = complaints.filter(({ isNew }) => isNew).length;
  const note = complaints.some(({ isNew }) => isNew !== undefined)
    ? `${news} new of ${complaints.length}`
    : `${complaints.length}`;
  return (
    <Section id="complaints" title="Kernel complaints" note={note}>
      {complaints.length === 0 ? <p class="calm">No kernel complained.</p> : null}
      {complaints.slice(0, COMPLAINTS).map((complaint) => (
        <Complaint complaint={complaint} room={room} />
      ))}
      {complaints.length > COMPLAINTS ? (
        <p>{`${complaints.length - COMPLAINTS} more are in the record.`}</p>
      ) : null}
    </Section>
  );
}

/** Compiler warnings, new first. */
export function Warnings({ warnings }: { warnings: readonly BuildWarning[] }) {
  const news = warnings.filter(({ isNew }) => isNew).length;
  const shown = warnings.slice(0, WARNINGS);
  return (
    <Section id="warnings" title="Build warnings" note={`${news} new of ${warnings.length}`}>
      {warnings.length === 0 ? <p class="calm">No kernel was built with a warning.</p> : null}
      <ul class="lines">
        {shown.map(({ text, isNew, kernels }) => (
          <li>
            <Badge tint={isNew ? 'warn' : 'mute'} sign={isNew ? '+' : '='}>
              {isNew ? 'new' : 'not new'}
            </Badge>{' '}
            <code>{clip(text, 400)}</code> <span class="where">{clip(kernels.join(', '), 200)}</span>
          </li>
        ))}
      </ul>
      {warnings.length > WARNINGS ? <p>{`${warnings.length - WARNINGS} more are in the record.`}</p> : null}
    </Section>
  );
}
