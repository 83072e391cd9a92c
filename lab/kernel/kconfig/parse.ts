import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** One definition of a symbol, which may have several. Conditions are Kconfig expressions as text. */
export interface Definition {
  symbol: string;
  /** `drivers/nvme/host/Kconfig:12`. */
  where: string;
  /** `depends on` of the symbol and of every menu, `if` and `choice` around it. */
  depends: string[];
  /** Absent when the symbol has no prompt, so that no config can set it. */
  prompt?: { condition?: string };
  selects: { symbol: string; condition?: string }[];
  /** Whether it is a member of a choice. */
  choice: boolean;
}

interface Scope {
  kind: 'menu' | 'if' | 'choice';
  depends: string[];
}

/** `select X if Y`, `bool "prompt" if Y`. */
const CONDITIONAL = /^(.*?)\s+if\s+(.*)$/;

/** Reads a Kconfig file and those that it sources, for dependencies only: defaults, ranges and help are skipped. */
class KconfigReader {
  readonly definitions: Definition[] = [];
  readonly #scopes: Scope[] = [];
  #current: Definition | undefined;

  constructor(
    readonly tree: string,
    readonly srcarch: string,
  ) {}

  async read(file: string): Promise<void> {
    const text = await readFile(join(this.tree, file), 'utf8').catch(() => '');
    let helpIndent: number | undefined;
    const lines = text.replace(/\\\n/g, (joined) => ' '.repeat(joined.length)).split('\n');
    for (const [index, raw] of lines.entries()) {
      const line = raw.replace(/\t/g, '        ');
      const indent = line.search(/\S/);
      if (indent < 0) continue;
      // Help text ends at a line that is indented less than the first line of the text.
      if (helpIndent !== undefined) {
        if (helpIndent < 0) helpIndent = indent;
        if (indent >= helpIndent && indent > 0) continue;
        helpIndent = undefined;
      }
      const words = line.trim();
      if (words.startsWith('#')) continue;
      if (words === 'help' || words === '---help---') helpIndent = -1;
      else await this.#statement(words, `${file}:${index + 1}`);
    }
  }

  async #statement(line: string, where: string): Promise<void> {
    const [, keyword = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(line) ?? [];
    if (keyword === 'source') {
      const file = rest.replace(/^"|"$/g, '').replaceAll('$(SRCARCH)', this.srcarch);
      this.#current = undefined;
      return this.read(file);
    }
    if (keyword === 'config' || keyword === 'menuconfig') return this.#define(rest.trim(), where);
    if (keyword === 'menu' || keyword === 'choice' || keyword === 'if') {
      this.#current = undefined;
      this.#scopes.push({ kind: keyword, depends: keyword === 'if' ? [rest] : [] });
    } else if (keyword === 'endmenu' || keyword === 'endchoice' || keyword === 'endif') {
      this.#current = undefined;
      this.#scopes.pop();
    } else if (keyword === 'comment') this.#current = undefined;
    else this.#attribute(keyword, rest);
  }

  #define(symbol: string, where: string): void {
    const depends = this.#scopes.flatMap((scope) => scope.depends);
    const choice = this.#scopes.at(-1)?.kind === 'choice';
    this.#current = { symbol, where, depends, selects: [], choice };
    this.definitions.push(this.#current);
  }

  #attribute(keyword: string, rest: string): void {
    const [, before = rest, clause] = CONDITIONAL.exec(rest) ?? [];
    if (keyword === 'depends' || (keyword === 'visible' && !this.#current)) {
      const dependency = rest.replace(/^(on|if)\s+/, '');
      // Attributes of a menu come before its first entry.
      (this.#current ?? this.#scopes.at(-1))?.depends.push(dependency);
    }
    if (!this.#current) return;
    if (keyword === 'select') this.#current.selects.push({ symbol: before.trim(), condition: clause });
    const hasPrompt = /^(bool|tristate|string|int|hex|prompt)$/.test(keyword) && /^["']/.test(rest);
    if (hasPrompt)
      this.#current.prompt = { condition: rest.replace(/^(["']).*?\1\s*/, '').replace(/^if\s+/, '') };
  }
}

/** Every definition in a source tree's Kconfig, in file order. `srcarch` is the folder under arch/ that `$(SRCARCH)` stands for. */
export async function readKconfig(tree: string, srcarch: string): Promise<Definition[]> {
  const reader = new KconfigReader(tree, srcarch);
  await reader.read('Kconfig');
  return reader.definitions;
}
