/** Undoes git's C-style quoting of unusual file names; a name without quotes is returned unchanged. */
export function unquote(name: string): string {
  if (!name.startsWith('"') || !name.endsWith('"')) return name;
  const simple: Record<string, string> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };
  const bytes = name
    .slice(1, -1)
    .replace(/\\([0-7]{3}|.)/g, (_all, code: string) =>
      code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8) & 0xff) : (simple[code] ?? code),
    );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
