import { VerdictError } from '../../core/errors.ts';
import { RefusedFile, readInside } from '../regular-file.ts';

/** One definition of a symbol, which may have several. Conditions are Kconfig expressions as text. */
export interface Definition {
  symbol: string;
  /** `drivers/nvme/host/Kconfig:12`. */
  where: string;
  /** `depends on` of the symbol itself; `dependsOf` adds those of what is around it. */
  depends: string[];
  /** The innermost menu, `if` or `choice` around it. */
  scope?: Scope | undefined;
  /** Absent when the symbol has no prompt, so that no config can set it. */
  prompt?: { condition?: string };
  selects: { symbol: string; condition?: string }[];
  /** Whether it is a member of a choice. */
  choice: boolean;
}

/** A menu, `if` or `choice`: linked, so that what is in it shares its conditions. */
interface Scope {
  kind: 'menu' | 'if' | 'choice';
  depends: string[];
  outer: Scope | undefined;
}

/** `depends on` of a definition and of every menu, `if` and `choice` around it, the outermost first. */
export function dependsOf({ depends, scope }: Definition): string[] {
  const lists = [depends];
  for (let around = scope; around; around = around.outer) lists.push(around.depends);
  return lists.reverse().flat();
}

/**
 * Bounds on what is read of a tree, which a series may have written to stop its reader. Linux 6.12 has 1700 files with 4 MB, which are
 * sourced 6 levels deep, with 7 menus in each other and no line of more than 400 characters; an architecture has 18,000
 * options with 15,000 selections, and an option at most 25 conditions with 750 characters.
 */
const LIMITS = {
  ...{ files: 4000, bytes: 32 << 20, depth: 64, scopes: 256, line: 16 << 10 },
  ...{ options: 50_000, selections: 100_000, conditions: 1000, characters: 64 << 10 },
};

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
  #scope: Scope | undefined;
  #scopes = 0;
  #selections = 0;
  #current: Definition | undefined;
  #files = 0;
  #bytes = 0;
  #depth = 0;

  constructor(
    readonly tree: string,
    readonly srcarch: string,
    readonly signal: AbortSignal | undefined,
  ) {}

  /** Throws RefusedFile, Unreadable and the abort reason. */
  async read(file: string): Promise<void> {
    this.signal?.throwIfAborted();
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
      if (++this.#scopes > LIMITS.scopes) throw new Unreadable(`${where} is nested too deeply`);
      this.#scope = { kind: keyword, depends: [], outer: this.#scope };
      if (keyword === 'if') this.#addCondition(rest, where);
    } else if (keyword === 'endmenu' || keyword === 'endchoice' || keyword === 'endif') {
      this.#current = undefined;
      this.#scopes = Math.max(0, this.#scopes - 1);
      this.#scope = this.#scope?.outer;
    } else if (keyword === 'comment') this.#current = undefined;
    else this.#attribute(keyword, rest, where);
  }

  #define(symbol: string, where: string): void {
    const choice = this.#scope?.kind === 'choice';
    this.#current = { symbol, where, depends: [], scope: this.#scope, selects: [], choice };
    if (this.definitions.push(this.#current) > LIMITS.options)
      throw new Unreadable(`it has more than ${LIMITS.options} options`);
  }

  /** Attributes of a menu come before its first entry. */
  #addCondition(condition: string, where: string): void {
    const holder = this.#current ?? this.#scope;
    holder?.depends.push(condition);
    this.#checkConditions(holder?.depends ?? [], this.#current ? this.#scope : this.#scope?.outer, where);
  }

  /** Checks the conditions of an entry with those around it. */
  #checkConditions(depends: readonly string[], around: Scope | undefined, where: string): void {
    const lists = [depends];
    for (let scope = around; scope; scope = scope.outer) lists.push(scope.depends);
    let count = 0;
    let characters = 0;
    for (const list of lists) {
      count += list.length;
      for (const { length } of list) characters += length;
    }
    if (count > LIMITS.conditions || characters > LIMITS.characters)
      throw new Unreadable(
        `${where} has more than ${LIMITS.conditions} conditions or ${LIMITS.characters} characters of them`,
      );
  }

  #attribute(keyword: string, rest: string, where: string): void {
    const { before, condition } = splitCondition(rest);
    if (keyword === 'depends' || (keyword === 'visible' && !this.#current)) {
      this.#addCondition(rest.replace(/^(on|if)\s+/, ''), where);
    }
    if (!this.#current) return;
    if (keyword === 'select') {
      this.#current.selects.push({ symbol: before, ...(condition ? { condition } : {}) });
      if (++this.#selections > LIMITS.selections)
        throw new Unreadable(`it has more than ${LIMITS.selections} selections`);
    }
    const hasPrompt = /^(bool|tristate|string|int|hex|prompt)$/.test(keyword) && /^["']/.test(rest);
    if (hasPrompt)
      this.#current.prompt = { condition: rest.replace(/^(["']).*?\1\s*/, '').replace(/^if\s+/, '') };
  }
}

/**
 * Every definition in a source tree's Kconfig, in file order. `srcarch` is the folder under arch/ that `$(SRCARCH)` stands for. Throws
 * VerdictError `build-failed` when a file is no regular file of the tree, or when there is more than a reader can take, and the abort
 * reason.
 */
export async function readKconfig(
  tree: string,
  srcarch: string,
  signal?: AbortSignal,
): Promise<Definition[]> {
  const reader = new KconfigReader(tree, srcarch, signal);
  try {
    await reader.read('Kconfig');
  } catch (error) {
    if (!(error instanceof RefusedFile || error instanceof Unreadable)) throw error;
    const detail = error.message.replaceAll(`${tree}/`, '');
    throw new VerdictError('build-failed', `the Kconfig of the tree cannot be read: ${detail}`, detail);
  }
  return reader.definitions;
}
