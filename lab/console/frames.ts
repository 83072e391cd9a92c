/** Where the names of functions are in traces and register dumps, in the forms of all architectures that the kernel prints. */

/** `[<ffffffff81000001>] `, `[c000000000012345] `, `[<     inline     >] `, and `[<...>] (` of 32-bit Arm. */
const ADDRESS = String.raw`\[<?(?:[0-9a-f]{8,16}|\s*inline\s*|0x[0-9a-f]+|\(?_*ptrval_*\)?)>?\]`;
const NAME = String.raw`[A-Za-z_][\w.$]*`;
const OFFSET = String.raw`\+0x[0-9a-f]+\/0x[0-9a-f]+`;
const SOURCE = String.raw`[\w./+-]+\.(?:[chS]|rs|inc):\d+`;

/**
 * A line of a trace: `? ` marks a guess, before or after the address; then `f+0x1/0x2`, `f (file.c:12)` or, of an inlined function,
 * `f file.c:12 [inline]`.
 */
const FRAME = new RegExp(
  String.raw`^\s*\(?(\? )?(?:${ADDRESS} ?)*\(?(\? )?(${NAME})(?:${OFFSET}| \(${SOURCE}| ${SOURCE} \[inline\])`,
);
/** A line of a trace of 32-bit Arm: `(f) from [<address>] (g+0x1/0x2)`, or `f from g+0x1/0x2`. */
const FROM = new RegExp(String.raw`^\s*(?:${ADDRESS} )?\(?(${NAME})\)? from (?:${ADDRESS} )?\(?${NAME}`);

/** The instruction pointer of kernel mode in a register dump: x86, Arm, PowerPC, RISC-V, s390. */
const POINTER = new RegExp(
  String.raw`^\s*(?:(?:RIP: 00[01][08]:|RIP {0,2}|IP: ?|EIP: (?:00[67][08]:)?|EIP is at |pc : |PC is at |NIP |epc *: |Krnl PSW : .*\()(?:${ADDRESS}\s*)*)(${NAME})\+0x`,
);

/** A function's name without the compiler's suffix: `nvme_queue_rq` for `nvme_queue_rq.isra.0` and `nvme_queue_rq.cold`. */
export function plainName(name: string): string {
  return name.replace(/\.(?:isra|constprop|part|cold|llvm|lto|\d).*$/, '').replace(/^__pfx_/, '');
}

/** The function in a line of a trace, undefined for any other line; `sure` is false for the unwinder's guesses (`? f`). */
export function frameOf(text: string): { name: string; sure: boolean } | undefined {
  const match = FRAME.exec(text);
  if (match?.[3]) return { name: plainName(match[3]), sure: !(match[1] ?? match[2]) };
  const name = FROM.exec(text)?.[1];
  return name === undefined ? undefined : { name: plainName(name), sure: true };
}

/** The function in which the processor was, from the register dump of kernel mode. */
export function pointerOf(text: string): string | undefined {
  const name = POINTER.exec(text)?.[1];
  return name === undefined ? undefined : plainName(name);
}
