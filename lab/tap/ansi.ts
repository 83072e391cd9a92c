/**
 * Escape sequences of a terminal (ECMA-48): control sequences such as colours, strings such as titles and links, and the rest. Each
 * part of a pattern excludes what ends it, so that a line takes linear time; the patterns of `strip-ansi` and of Node.js
 * (`stripVTControlCharacters`) take quadratic time for openings that never end.
 */
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])/g;

/** A text without the escape sequences of a terminal. */
export const withoutAnsi = (text: string): string =>
  text.includes('\x1b') ? text.replace(ESCAPES, '') : text;
