import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderToString } from 'preact-render-to-string';
import { packageRoot } from '../../bin/root.mjs';
import { type Assets, Page } from './components/page.tsx';
import type { PageInput } from './input.ts';
import { modelOf } from './model.ts';

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Style and script of the page. The policy allows these two by their hash, and nothing from anywhere else. */
function assets(): Assets {
  const read = (file: string) => readFileSync(join(packageRoot, 'reports/html/assets', file), 'utf8');
  const [css, script] = [read('page.css'), read('page.js')];
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(css)}`,
    `script-src ${hashOf(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return { css, script, policy };
}

/**
 * A run and what it changes as one HTML file, which loads nothing and needs no script. At most 2 MB for 5,000 tests: logs are excerpts,
 * linked where the input says where the record lies.
 */
export function renderHtml(input: PageInput): string {
  return `<!doctype html>\n${renderToString(<Page model={modelOf(input)} assets={assets()} />)}\n`;
}
