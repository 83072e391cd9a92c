import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathExists } from './paths.ts';
import type { Project } from './project.ts';

/** Cells of the tables of a Markdown text, row by row, without the rules below the heads. */
export const tableRows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

/** Code spans of a text, in order. */
export const codeSpans = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);

/** Items of the list that follows `head` up to the next full stop, without remarks in parentheses. */
export function listAfter(text: string, head: string): string[] {
  const start = text.indexOf(head);
  const [list = ''] = text
    .slice(start + head.length)
    .replace(/\s*\([^)]*\)/g, '')
    .split(/[.;]\s/);
  return start < 0 ? [] : list.split(/,\s*/).map((item) => item.trim());
}

/** True when a script exports the name; `Class.member`: the class, which has the member. */
function exportsName(script: string, name: string): boolean {
  const [exported = '', member] = name.split('.');
  const declared = new RegExp(
    `^export (?:abstract |async )?(?:class|const|enum|function|interface|type) ${exported}\\b`,
    'm',
  );
  return declared.test(script) && (member === undefined || new RegExp(`\\b${member}\\b`).test(script));
}

/**
 * What is wrong with the column `where` of a glossary: paths that do not exist in the project at `root`, and names, each after
 * its file, that the file does not export.
 */
export function glossaryProblems(glossary: string, root: string, project: Project): string[] {
  const exists = (path: string) => pathExists(path, 'GLOSSARY.md', project);
  return tableRows(glossary).flatMap(([term = '', , where]) => {
    if (where === undefined || where === '-' || where === 'where') return [];
    const spans = codeSpans(where);
    if (spans.length === 0) return [`${term}: no place is given`];
    return spans.flatMap((span, index) => {
      if (span.includes('/')) return exists(span) ? [] : [`${term}: there is no ${span}`];
      const file = spans.slice(0, index).findLast((before) => before.includes('/')) ?? '';
      const script = file.endsWith('.ts') && exists(file) ? readFileSync(join(root, file), 'utf8') : '';
      return exportsName(script, span) ? [] : [`${term}: ${file} exports no ${span}`];
    });
  });
}
