/** A name as letters, digits, `_` and `-` (`path error > retried` becomes `path_error_retried`); `other` where nothing is left. */
export function slugOf(name: string, width: number): string {
  const words = name.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^_+|_+$/g, '');
  return words.slice(0, width) || 'other';
}
