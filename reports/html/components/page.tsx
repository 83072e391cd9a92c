import type { PageModel } from '../model.ts';
import { Changes } from './changes.tsx';
import { Costs } from './costs.tsx';
import { Environment } from './environment.tsx';
import { Filters } from './filters.tsx';
import { Cells } from './grid.tsx';
import { Head } from './head.tsx';
import { Complaints, Warnings } from './kernel-log.tsx';
import { Missing } from './missing.tsx';
import { Mutants } from './mutants.tsx';
import { Times } from './times.tsx';

const SECTIONS = [
  ['changes', 'Changes'],
  ['missing', 'Missing'],
  ['costs', 'Cost'],
  ['matrix', 'Matrix'],
  ['complaints', 'Complaints'],
  ['warnings', 'Warnings'],
  ['times', 'Time'],
  ['environment', 'Environment'],
] as const;

/** Style and script of the page, and the policy that allows nothing else. */
export interface Assets {
  css: string;
  script: string;
  policy: string;
}

function Body({ model }: { model: PageModel }) {
  const { record, columns, changes, unchanged, absences, costs, grid, room } = model;
  const severalColumns = columns.length > 1;
  return (
    <main>
      <Head {...model} />
      <nav aria-label="Sections">
        {SECTIONS.map(([id, title]) => (
          <a href={`#${id}`}>{title}</a>
        ))}
      </nav>
      <Filters columns={columns} places={grid.rows} changes={changes} canSort={costs.length > 0} />
      {record.mutants ? (
        <Mutants mutants={record.mutants} />
      ) : (
        <Changes title={model.changesTitle} groups={changes} unchanged={unchanged} />
      )}
      <Missing absences={absences} />
      <Costs groups={costs} severalColumns={severalColumns} />
      <Cells grid={grid} room={room} />
      <Complaints complaints={model.complaints} room={room} />
      <Warnings warnings={model.warnings} />
      <Times record={record} />
      <Environment records={model.records} />
      <footer>{`Made by ringlab ${record.ringlab}. This page loads nothing from the network.`}</footer>
    </main>
  );
}

/** The whole document. Only style and script are not escaped: they are files of this project, whose hashes the policy names. */
export function Page({ model, assets }: { model: PageModel; assets: Assets }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={assets.policy} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <title>{`${model.title} · ringlab`}</title>
        <style dangerouslySetInnerHTML={{ __html: assets.css }} />
      </head>
      <body>
        <a class="skip" href="#changes">
          Skip to the changes
        </a>
        <Body model={model} />
        <script dangerouslySetInnerHTML={{ __html: assets.script }} />
      </body>
    </html>
  );
}
