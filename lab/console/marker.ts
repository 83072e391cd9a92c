/** The closing quote is missing where another line was printed into this one. */
const MARKER = /^ringlab: (begin|end) "(.*?)("?)\s*$/;

/** A line by which the agent says in the kernel log which test runs: `ringlab: begin "name"`. */
export function markerOf(text: string): { word: 'begin' | 'end'; name: string } | undefined {
  if (!text.startsWith('ringlab: ')) return undefined;
  const match = MARKER.exec(text);
  if (!match) return undefined;
  const name = match[3] ? unquote(match[2] ?? '') : (match[2] ?? '');
  return { word: match[1] === 'begin' ? 'begin' : 'end', name: name.replace(/\s+/g, ' ').trim() };
}

/** A name that was written as a JSON string, or as it is. */
function unquote(inner: string): string {
  if (!inner.includes('\\')) return inner;
  try {
    return String(JSON.parse(`"${inner}"`));
  } catch {
    return inner;
  }
}
