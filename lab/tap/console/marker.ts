const MARKER = /^ringlab: (begin|end) ("(?:[^"\\]|\\.)*")/;

/** A line by which the agent says in the kernel log which test runs: `ringlab: begin "name"`, the name as a JSON string. */
export function markerOf(text: string): { word: 'begin' | 'end'; name: string } | undefined {
  if (!text.startsWith('ringlab: ')) return undefined;
  const match = MARKER.exec(text);
  if (!match?.[2]) return undefined;
  return { word: match[1] === 'begin' ? 'begin' : 'end', name: unquote(match[2]) };
}

function unquote(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    // printk escapes what JSON does not know.
    return quoted.slice(1, -1).replace(/\\(.)/g, '$1');
  }
}
