import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

const FRAME = /^(\s+at .*?\(?)(file:\/\/[^):]+|\/[^):]+):(\d+):(\d+)(\)?)$/;

/** What all suites stand on: a failure is seldom its own. */
const OURS = /suites\/(lib|binding|agent)\/[\w.-]+(?<!\.test)\.ts/;

let map: SourceMap | undefined | null;

/** The bundle's source map, read only when something has failed; null where nothing was bundled. */
function sourceMap(file: string): SourceMap | null {
  if (map !== undefined) return map;
  const [, payload] = readFileSync(file, 'utf8').match(/\n\/\/# sourceMappingURL=data:[^,]+,(\S+)\s*$/) ?? [];
  map = payload ? new SourceMap(JSON.parse(Buffer.from(payload, 'base64').toString())) : null;
  return map;
}

function original(line: string): string {
  const [, head, at, row, column, tail] = line.match(FRAME) ?? [];
  if (!at?.endsWith('.cjs')) return line;
  const found = sourceMap(at.startsWith('file:') ? fileURLToPath(at) : at)?.findEntry(
    Number(row) - 1,
    Number(column) - 1,
  );
  if (!found || !('originalSource' in found)) return line;
  // A suite of the user's own is named by its folder and file: where they lie is nobody's business.
  const [own] =
    /suites\/(?!.*suites\/).*$/.exec(found.originalSource) ??
    /[^/]*\/[^/]*$/.exec(found.originalSource) ??
    [];
  const source = own ?? found.originalSource;
  return `${head}${source}:${found.originalLine + 1}:${found.originalColumn + 1}${tail}`;
}

/** An error's trace in terms of the TypeScript that it was written in. */
export function readableStack(error: Error): string[] {
  return (error.stack ?? '').split('\n').map(original);
}

/** The place in the suites where it failed: the first frame outside library and binding. */
export function failurePlace(stack: readonly string[]): string {
  const frames = stack.filter((line) => /^\s+at /.test(line));
  const own = frames.find((line) => /[.]ts:\d/.test(line) && !OURS.test(line)) ?? frames[0] ?? '';
  return own.trim().replace(/^at /, '');
}
