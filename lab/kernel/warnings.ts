/** The warnings that are not in `base`. */
export function newWarnings(warnings: readonly string[], base: readonly string[]): string[] {
  const inBase = new Set(base);
  return warnings.filter((warning) => !inBase.has(warning));
}
