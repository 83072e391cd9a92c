import { VerdictError } from '../../core/errors.ts';
import { RefusedFile, readInside } from '../regular-file.ts';

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

/**
 * Bounds on what is read of a tree, which a series may have written to stop its reader. Linux 6.12 has 1700 files with 4 MB, which are
 * sourced 6 levels deep, with 7 menus in each other and no line of more than 400 characters.
 */
const LIMITS = { files: 4000, bytes: 32 << 20, depth: 64, scopes: 256, line: 16 << 10 };

/** Why a tree's Kconfig is not read any further. */
class Unreadable extends Error {}

/** `select X if Y`, `bool "prompt" if Y`: what is before and after the first `if`. */
function splitCondition(text: string): { before: string; condition?: string } {
  const at = text.search(/\sif\s/);
  if (at < 0) return { before: text.trim() };
  return { before: text.slice(0, at).trim(), condition: text.slice(at + 4).trim() };
}

/** A statement as its keyword and the rest. */
function splitKeyword(line: string): { keyword: string; rest: string } {
  const keyword = /^\w*/.exec(line)?.[0] ?? '';
  return { keyword, rest: line.slice(keyword.length).trim() };
}

/** Reads a Kconfig file and those that it sources, for dependencies only: defaults, ranges and help are skipped. */
class KconfigReader {
  readonly definitions: Definition[] = [];
  readonly #scopes: Scope[] = [];
  #current: Definition | undefined;
  #files = 0;
  #bytes = 0;
  #depth = 0;

  constructor(
    readonly tree: string,
    readonly srcarch: string,
  ) {}

  /** Throws RefusedFile and Unreadable. */
  async read(file: string): Promise<void> {
    if (++this.#files > LIMITS.files) throw new Unreadable(`${file} is the file ${this.#files}`);
    if (++this.#depth > LIMITS.depth) throw new Unreadable(`${file} is sourced ${this.#depth} levels deep`);
    const text = (await readInside(this.tree, file)) ?? '';
    this.#bytes += text.length;
    if (this.#bytes > LIMITS.bytes) throw new Unreadable(`its files have more than ${LIMITS.bytes} bytes`);
    await this.#lines(text, file);
    this.#depth--;
  }

  async #lines(text: string, file: string): Promise<void> {
    let helpIndent: number | undefined;
    const lines = text.replace(/\\\n/g, (joined) => ' '.repeat(joined.length)).split('\n');
    for (const [index, raw] of lines.entries()) {
      if (raw.length > LIMITS.line) throw new Unreadable(`${file}:${index + 1} has ${raw.length} characters`);
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
    const { keyword, rest } = splitKeyword(line);
    if (keyword === 'source') {
      const file = rest.replace(/^"|"$/g, '').replaceAll('$(SRCARCH)', this.srcarch);
      this.#current = undefined;
      return this.read(file);
    }
    if (keyword === 'config' || keyword === 'menuconfig') return this.#define(rest.trim(), where);
    if (keyword === 'menu' || keyword === 'choice' || keyword === 'if') {
      this.#current = undefined;
      if (this.#scopes.length >= LIMITS.scopes) throw new Unreadable(`${where} is nested too deeply`);
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
    const { before, condition } = splitCondition(rest);
    if (keyword === 'depends' || (keyword === 'visible' && !this.#current)) {
      const dependency = rest.replace(/^(on|if)\s+/, '');
      // Attributes of a menu come before its first entry.
      (this.#current ?? this.#scopes.at(-1))?.depends.push(dependency);
    }
    if (!this.#current) return;
    if (keyword === 'select')
      this.#current.selects.push({ symbol: before, ...(condition ? { condition } : {}) });
    const hasPrompt = /^(bool|tristate|string|int|hex|prompt)$/.test(keyword) && /^["']/.test(rest);
    if (hasPrompt)
      this.#current.prompt = { condition: rest.replace(/^(["']).*?\1\s*/, '').replace(/^if\s+/, '') };
  }
}

/**
 * Every definition in a source tree's Kconfig, in file order. `srcarch` is the folder under arch/ that `$(SRCARCH)` stands for. Throws
 * VerdictError `build-failed` when a file is no regular file of the tree, or when there is more than a reader can take.
 */
export async function readKconfig(tree: string, srcarch: string): Promise<Definition[]> {
  const reader = new KconfigReader(tree, srcarch);
  try {
    await reader.read('Kconfig');
  } catch (error) {
    if (!(error instanceof RefusedFile || error instanceof Unreadable)) throw error;
    const detail = error.message.replaceAll(`${tree}/`, '');
    throw new VerdictError('build-failed', `the Kconfig of the tree cannot be read: ${detail}`, detail);
  }
  return reader.definitions;
}
