import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { fileURLToPath } from 'node:url';

/** A stack frame with the absolute path of its file: head, file, line, column, tail. */
const FRAME = /^(\s+at .*?\(?)(file:\/\/[^):]+|\/[^):]+):(\d+):(\d+)(\)?)$/;

/** Files that all suites share: the place of a failure is the frame that called them. */
const SHARED = /suites\/(lib|binding|agent)\/[\w.-]+(?<!\.test)\.ts/;

let bundleMap: SourceMap | undefined | null;

/** The source map of the bundle, read when the first test fails; null for a file without one. */
function sourceMap(file: string): SourceMap | null {
  if (bundleMap !== undefined) return bundleMap;
  const [, payload] = readFileSync(file, 'utf8').match(/\n\/\/# sourceMappingURL=data:[^,]+,(\S+)\s*$/) ?? [];
  bundleMap = payload ? new SourceMap(JSON.parse(Buffer.from(payload, 'base64').toString())) : null;
  return bundleMap;
}

/** A stack frame in terms of the TypeScript source; a line that is no frame of the bundle as it is. */
function original(line: string): string {
  const [, head, file, row, column, tail] = line.match(FRAME) ?? [];
  if (!file?.endsWith('.cjs')) return line;
  const map = sourceMap(file.startsWith('file:') ? fileURLToPath(file) : file);
  const entry = map?.findEntry(Number(row) - 1, Number(column) - 1);
  if (!entry || !('originalSource' in entry)) return line;
  const { originalSource, originalLine, originalColumn } = entry;
  // A record must not contain paths of the machine: a user's suite is shown as folder and file.
  const [shown = originalSource] =
    /suites\/(?!.*suites\/).*$/.exec(originalSource) ?? /[^/]*\/[^/]*$/.exec(originalSource) ?? [];
  return `${head}${shown}:${originalLine + 1}:${originalColumn + 1}${tail}`;
}

/** The lines of an error's stack, with the places in the TypeScript sources instead of the bundle. */
export function readableStack(error: Error): string[] {
  return (error.stack ?? '').split('\n').map(original);
}

/** Where the test failed: the first frame outside library, binding and agent; the first of all if there is no other. */
export function failurePlace(stack: readonly string[]): string {
  const frames = stack.filter((line) => /^\s+at /.test(line));
  const place = frames.find((line) => /[.]ts:\d/.test(line) && !SHARED.test(line)) ?? frames[0] ?? '';
  return place.trim().replace(/^at /, '');
}
