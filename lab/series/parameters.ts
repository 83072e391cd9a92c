/** A value such as `multipart/mixed; boundary="a"`: lower-case type and, by lower-case name, its parameters. */
export interface Parameters {
  type: string;
  parameters: ReadonlyMap<string, string>;
}

/** A comment, a quoted string or any other character; a comment or string without its end is the rest. */
const TOKEN = /\((?:[^()\\]|\\.)*\)?|"((?:[^"\\]|\\.)*)"?|[^;("]+|[;(]/gs;

/** The value at its semicolons, comments left out. Quoted text keeps its blanks and semicolons. */
function sections(value: string): string[] {
  const parts = [''];
  for (const [token, quoted] of value.matchAll(TOKEN)) {
    if (token === ';') parts.push('');
    else if (quoted !== undefined)
      parts[parts.length - 1] += quoted.replace(/\\(.)/g, '$1').replaceAll('=', '\u0001');
    else if (!token.startsWith('(')) parts[parts.length - 1] += token;
  }
  return parts;
}

const percent = (text: string) =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

/** Parses a Content-Type or Content-Disposition value (latin1), with the continuations and percent encoding of RFC 2231. */
export function readParameters(value: string): Parameters {
  const [type = '', ...rest] = sections(value.slice(0, 10_000));
  const parameters = new Map<string, string>();
  const continued = new Map<string, string[]>();
  for (const section of rest) {
    const equals = section.indexOf('=');
    if (equals < 0) continue;
    const written = section
      .slice(equals + 1)
      .trim()
      .replaceAll('\u0001', '=');
    const [, name = '', index, encoded] =
      /^([^*\s]*)(?:\*(\d{1,3}))?(\*)?$/.exec(section.slice(0, equals).trim().toLowerCase()) ?? [];
    const text = encoded ? percent(written.replace(/^[^']*'[^']*'/, '')) : written;
    if (index === undefined) {
      if (!parameters.has(name)) parameters.set(name, text);
    } else {
      const pieces = continued.get(name) ?? [];
      pieces[Number(index)] = text;
      continued.set(name, pieces);
    }
  }
  for (const [name, pieces] of continued) if (!parameters.has(name)) parameters.set(name, pieces.join(''));
  return { type: type.trim().toLowerCase(), parameters };
}
