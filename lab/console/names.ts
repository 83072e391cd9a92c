/** A pattern of whole function names, one of those given; each is itself a pattern. */
export const anyOf = (...names: readonly string[]): RegExp => new RegExp(`^(?:${names.join('|')})$`);
