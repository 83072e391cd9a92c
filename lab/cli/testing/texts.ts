import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import ts from 'typescript';

/** A piece of a file that a person reads. */
export interface Text {
  /** Path below the project's folder. */
  file: string;
  /** Line of its first character, from 1. */
  line: number;
  /** `message`: a string literal, with `*` for each `${...}`; `plain`: a whole file of another language, e.g. YAML. */
  kind: 'markdown' | 'comment' | 'message' | 'plain';
  text: string;
}

/** A part of a file, and the position of its first character. */
interface Excerpt {
  start: number;
  text: string;
}

/** Folders that a checkout makes. */
const GENERATED = new Set(['.git', '.tap', 'build', 'dist', 'node_modules', 'runs']);
const SCRIPTS = new Set(['.ts', '.mts', '.mjs', '.cjs', '.js']);
const PLAIN = new Set(['.yaml', '.yml', '.config']);

/** Paths of all files below `root`, relative to it, without those that a checkout makes. */
export function filesOf(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return entry.isFile() ? [path] : [];
    return GENERATED.has(entry.name) ? [] : filesOf(root, path);
  });
}

/** True for files whose strings are samples rather than messages. */
const isTest = (file: string) => /[.](test|e2e)[.]ts$|\/(testing|fakes?|fixtures|golden)\//.test(file);

const withoutMarks = (comment: string) =>
  comment.replace(/^\s*(\/\*\*?|\/\/)|\*\/$/g, '').replace(/\n\s*(\*|\/\/) ?/g, '\n');

/** Comments of a script, outside of `literals`; lines of `//` that follow one another are one comment. */
function commentsOf(text: string, literals: readonly ts.TextRange[]): Excerpt[] {
  let code = '';
  for (const { pos, end } of literals)
    code += text.slice(code.length, pos) + ' '.repeat(end - Math.max(pos, code.length));
  code += text.slice(code.length);
  const comments: { start: number; end: number }[] = [];
  for (const { index: start, 0: comment } of code.matchAll(/\/\*[\s\S]*?\*\/|\/\/.*/g)) {
    const last = comments.at(-1);
    const end = start + comment.length;
    if (last && /^\n[ \t]*$/.test(text.slice(last.end, start))) last.end = end;
    else comments.push({ start, end });
  }
  return comments.map(({ start, end }) => ({ start, text: withoutMarks(text.slice(start, end)) }));
}

/**
 * True for the name of a module, for a regular expression (`'^lab/'`), and for an option in an array, which is an argument
 * of another program.
 */
function isNoMessage(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent) || ts.isLiteralTypeNode(parent))
    return true;
  if (ts.isCallExpression(parent) && parent.expression.kind === ts.SyntaxKind.ImportKeyword) return true;
  const inList = ts.isArrayLiteralExpression(parent) || ts.isConditionalExpression(parent);
  return /^['"`]\^/.test(node.getText()) || (inList && /^['"`]-/.test(node.getText()));
}

/** Strings of a script that may be read, and the places of all literals, in the order in which they stand. */
function literalsOf(source: ts.SourceFile): { messages: Excerpt[]; literals: ts.TextRange[] } {
  const messages: Excerpt[] = [];
  const literals: ts.TextRange[] = [];
  const visit = (node: ts.Node): void => {
    const start = node.getStart(source);
    if (ts.isLiteralExpression(node) || ts.isTemplateLiteralToken(node))
      literals.push({ pos: start, end: node.end });
    if (ts.isStringLiteralLike(node) && !isNoMessage(node)) messages.push({ start, text: node.text });
    if (ts.isTemplateExpression(node) && !isNoMessage(node)) {
      const parts = node.templateSpans.map(({ literal }) => `*${literal.text}`);
      messages.push({ start, text: node.head.text + parts.join('') });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { messages, literals };
}

/** The texts of one file: none for data and for languages that have no comments here. */
export function textsOf(file: string, content: string): Text[] {
  const extension = extname(file);
  const text = (kind: Text['kind']) => [{ file, line: 1, kind, text: content }];
  if (extension === '.md') return text('markdown');
  if (PLAIN.has(extension)) return text('plain');
  const placed = (kind: Text['kind'], excerpts: readonly Excerpt[]) => {
    let [line, last] = [1, 0];
    return excerpts.map(({ start, text }): Text => {
      line += content.slice(last, start).split('\n').length - 1;
      last = start;
      return { file, line, kind, text };
    });
  };
  if (['.c', '.h', '.S'].includes(extension)) {
    const comments = [...content.matchAll(/\/\*[\s\S]*?\*\/|\/\/.*/g)];
    return placed(
      'comment',
      comments.map(({ index, 0: comment }) => ({ start: index, text: withoutMarks(comment) })),
    );
  }
  // A script of the shell: its comments.
  if (content.startsWith('#!/usr/bin/env bash'))
    return [{ file, line: 1, kind: 'comment', text: content.replace(/^(?!#).*|^#/gm, '') }];
  if (!SCRIPTS.has(extension)) return [];
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);
  const { messages, literals } = literalsOf(source);
  const comments = placed('comment', commentsOf(content, literals));
  return isTest(file) ? comments : [...comments, ...placed('message', messages)];
}

/** All texts of the project at `root`, except patches and the expected output of tests. */
export function projectTexts(root: string): Text[] {
  return (
    filesOf(root)
      // What reports render, and what programs of others said of themselves (lab/suite/support.ts).
      .filter((file) => !/\/golden\/.*[.]md$|\/support[.]yaml$/.test(file))
      .flatMap((file) =>
        textsOf(file, /[.](patch|log|tap)$/.test(file) ? '' : readFileSync(join(root, file), 'utf8')),
      )
  );
}
