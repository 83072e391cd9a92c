/** At most `max` characters of a text, and a note of how many were left out. */
export function shorten(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)} [${text.length - max} more characters]`;
}
