/** The closing quote is missing where another line was printed into this one. */
const MARKER = /^ringlab: (begin|end) "(.*?)("?)\s*$/;

/** The agent's line in the kernel log that a test begins or ends: `ringlab: begin "name"`. Undefined for any other line. */
export function markerOf(text: string): { event: 'begin' | 'end'; name: string } | undefined {
  if (!text.startsWith('ringlab: ')) return undefined;
  const match = MARKER.exec(text);
  if (!match) return undefined;
  const name = match[3] ? unquote(match[2] ?? '') : (match[2] ?? '');
  return { event: match[1] === 'begin' ? 'begin' : 'end', name: name.replace(/\s+/g, ' ').trim() };
}

/** The name between the quotes, which is a JSON string or the plain name. */
function unquote(inner: string): string {
  if (!inner.includes('\\')) return inner;
  try {
    return String(JSON.parse(`"${inner}"`));
  } catch {
    return inner;
  }
}
