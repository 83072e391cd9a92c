/** Properties of a device, as QMP takes them too. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A value inside a QEMU option: a comma would end it, and QEMU reads two commas as one. */
export const escapeCommas = (value: string): string => value.replaceAll(',', ',,');

const textOf = (value: string | number | boolean | undefined) =>
  typeof value === 'boolean' ? (value ? 'on' : 'off') : escapeCommas(String(value));

/** `name,a=1,b=on`; undefined values are left out. */
export function option(name: string, fields: Fields): string {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [name, ...defined.map(([key, value]) => `${key}=${textOf(value)}`)].join(',');
}

/** `-device name,a=1`. */
export const device = (name: string, fields: Fields = {}): string[] => ['-device', option(name, fields)];

/** `-drive` for a raw file that a `-device` refers to by `id`. */
export function rawDrive(id: string, file: string, fields: Fields = {}): string[] {
  return ['-drive', option('if=none', { id, file, format: 'raw', ...fields })];
}
