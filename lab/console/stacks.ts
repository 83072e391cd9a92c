import { isHelper } from './helpers.ts';
import { fromEntry } from './stall.ts';

/** Most functions of a trace that are looked at; a kernel stack has room for some 100. */
const MAX_FUNCTIONS = 200;
/** Most traces of one report: a stall prints one for each CPU. */
const MAX_STACKS = 32;

/** Tasks whose traces stand in the report of a stall and did not cause it: the grace-period thread waits, an idle CPU too. */
const BYSTANDER =
  /^(?:rcu_gp_kthread|rcu_gp_fqs_loop|kthread_worker_fn|do_idle|cpu_idle_loop|default_idle\w*|arch_cpu_idle)$/;

/** One trace, from the innermost function outwards. */
interface Stack {
  functions: string[];
  /** Functions that the unwinder only guessed. */
  guesses: string[];
  /** Where the processor was, from the registers. */
  pointer?: string;
  /** Whether `functions` begin at `pointer`. */
  atPointer: boolean;
}

/** The traces of one report. */
export class Stacks {
  readonly #stacks: Stack[] = [];
  #place: string | undefined;
  #fallback: string | undefined;

  /** True when the current trace has no function. */
  get empty(): boolean {
    const { functions, guesses } = this.#current;
    return functions.length + guesses.length === 0;
  }

  /** Further functions belong to another task or CPU. */
  next(): void {
    if ((!this.empty || this.#current.pointer) && this.#stacks.length < MAX_STACKS) this.#add();
  }

  /** A line of a trace. */
  frame({ name, sure }: { name: string; sure: boolean }): void {
    const { functions, guesses } = this.#current;
    const list = sure ? functions : guesses;
    if (list.length < MAX_FUNCTIONS) list.push(name);
  }

  /** The instruction pointer before a trace. */
  pointer(name: string): void {
    this.#current.pointer ??= name;
  }

  /**
   * The instruction pointer within a trace. `trap`: what came before it is the handler of the trap that printed the report, if the
   * registers before the trace were not of other code.
   */
  interrupted(name: string, trap: boolean): void {
    const stack = this.#current;
    if (trap && !stack.atPointer && (stack.pointer === undefined || stack.pointer === name)) {
      stack.functions = [];
      stack.pointer = name;
      stack.atPointer = true;
    } else this.frame({ name, sure: true });
  }

  /** The report itself names the function. */
  named(name: string): void {
    this.#place ??= name;
  }

  /** A function for a report without a trace. */
  fallback(name: string): void {
    this.#fallback ??= name;
  }

  /** Functions that identify the fault, from the innermost outwards. */
  identifying(entry: boolean): string[] {
    const lists = this.#stacks.map(all);
    const culprit = lists.find((list) => list.length > 0 && !list.some((name) => BYSTANDER.test(name)));
    const functions = entry ? fromEntry(culprit ?? lists[0] ?? []) : (lists[0] ?? []);
    const traced = distinct(this.#place === undefined ? functions : [this.#place, ...functions]);
    return traced.length > 0 || this.#fallback === undefined ? traced : distinct([this.#fallback]);
  }

  get #current(): Stack {
    return this.#stacks.at(-1) ?? this.#add();
  }

  #add(): Stack {
    const stack: Stack = { functions: [], guesses: [], atPointer: false };
    this.#stacks.push(stack);
    return stack;
  }
}

/** A trace with the pointer before it; without any sure function, those that were guessed. */
function all({ functions, guesses, pointer }: Stack): string[] {
  const sure = pointer === undefined ? functions : [pointer, ...functions];
  return sure.length > 0 ? sure : guesses;
}

/** Without helpers, and without direct repetition. */
const distinct = (functions: readonly string[]): string[] =>
  functions.filter((name) => !isHelper(name)).filter((name, index, kept) => name !== kept[index - 1]);
