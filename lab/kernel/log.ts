/** A line of kbuild that names a target: `  CC      drivers/nvme/host/pci.o`. */
const STEP = /^ {2}(?:\[[MR]\] *)?([A-Z][A-Z0-9_]*)(?: \[M\])? +(\S+)/;
const COMPILER = /^(\S[^:\s]*):(\d+)(?::(\d+))?: ?(?:fatal )?(warning|error): ?(.*)$/;
const TOOL = /^(?:[\w./-]*ld(?:\.\w+)?: )?(\S[^:\s]*): (warning|error): (.*)$/;
const MODPOST = /^(WARNING|ERROR): modpost: (.*)$/;
const LINKER = /^(?:[\w./-]*\/)?ld(?:\.\w+)?: ?(.*)$/;
const LINK_ERROR =
  /undefined reference|multiple definition|cannot find|undefined symbol|file format not recognized|file truncated/;

/** Bounds on what is kept of a build that floods its log: warnings, and characters of each. A clean 6.12 with W=1 has 3000. */
const MAX_WARNINGS = 10_000;
const MAX_WARNING_LENGTH = 1000;

/** A warning or error of compiler, linker, modpost or objtool. */
interface Diagnostic {
  severity: 'warning' | 'error';
  /** Path in the source tree, or name of the tool. */
  file: string;
  line?: number;
  message: string;
}

/** The log of a build, parsed. */
export interface BuildLog {
  /** Targets in the order of the log, each with its command (`CC`, `LD`). */
  steps: { verb: string; target: string }[];
  /** Normalised warnings by the target whose command printed them; '' for the rest. */
  warnings: Map<string, string[]>;
  /** `index` is the line's position in `lines`. */
  errors: (Diagnostic & { index: number })[];
  lines: string[];
}

/** A path in the source tree, from one that starts with a root or is relative to the object folder. */
function relativeTo(path: string, roots: readonly string[]): string {
  for (const root of roots) {
    const at = path.indexOf(root);
    if (at >= 0) return path.slice(at + root.length).replace(/^\/+/, '');
  }
  return path.replace(/^(\.\.?\/)+/, '').replace(/^tree\//, '');
}

/** A path relative to the root that contains it. */
function below(path: string, roots: readonly string[]): string {
  const root = roots.find((folder) => path.startsWith(`${folder}/`));
  return root === undefined ? path : path.slice(root.length + 1);
}

/** A text in which paths below the source and object folders are relative to these. */
export function withoutRoots(text: string, roots: readonly string[]): string {
  const cut = roots.reduce((all, root) => all.replaceAll(`${root}/`, '').replaceAll(root, '.'), text);
  // ccache makes paths of sources relative to the object folder.
  return cut.replaceAll('../tree/', '');
}

/** The warning or error in a line of output; undefined when it has none, or only one of make about itself. */
export function diagnosticOf(text: string, roots: readonly string[]): Diagnostic | undefined {
  const compiler = COMPILER.exec(text);
  if (compiler) {
    const [, path = '', line, , severity, message = ''] = compiler;
    return {
      severity: severity === 'error' ? 'error' : 'warning',
      file: relativeTo(path, roots),
      line: Number(line),
      message,
    };
  }
  const modpost = MODPOST.exec(text);
  if (modpost)
    return {
      severity: modpost[1] === 'ERROR' ? 'error' : 'warning',
      file: 'modpost',
      message: modpost[2] ?? '',
    };
  const tool = TOOL.exec(text);
  if (tool && !tool[1]?.startsWith('make'))
    return {
      severity: tool[2] === 'error' ? 'error' : 'warning',
      file: relativeTo(tool[1] ?? '', roots),
      message: tool[3] ?? '',
    };
  const linker = LINKER.exec(text)?.[1] ?? (/undefined reference to/.test(text) ? text : undefined);
  if (linker === undefined) return undefined;
  if (LINK_ERROR.test(linker)) return { severity: 'error', file: 'ld', message: relativeTo(linker, roots) };
  return /warning/.test(linker)
    ? { severity: 'warning', file: 'ld', message: relativeTo(linker, roots) }
    : undefined;
}

/** `file: message` without anything that changes when other code moves: line numbers, addresses, offsets into functions. */
export function normalise({ file, message }: Diagnostic): string {
  return `${file}: ${message
    .replace(/\+0x[0-9a-f]+/g, '')
    .replace(/\b0x[0-9a-f]{6,}\b/g, '0x…')
    .trim()}`;
}

/** The command and target of a kbuild line; undefined for any other line. */
export function stepOf(line: string): { verb: string; target: string } | undefined {
  const [, verb, target] = STEP.exec(line) ?? [];
  return verb && target ? { verb, target } : undefined;
}

/** Whether a target counts towards progress: installing a thousand headers takes less time than compiling one file of mm/. */
export function isCompiled({ target }: { target: string }): boolean {
  return !target.startsWith('usr/include/');
}

/**
 * Parses the output of `make --output-sync=target`, in which the output of a command follows the line that names its target,
 * uninterrupted. `roots` are the source and object folders.
 */
export function readLog(text: string, roots: readonly string[]): BuildLog {
  const lines = text.split('\n');
  const log: BuildLog = { steps: [], warnings: new Map(), errors: [], lines };
  let target = '';
  let warnings = 0;
  for (const [index, line] of lines.entries()) {
    const step = stepOf(line);
    if (step) {
      // The build of tools/objtool names its targets by absolute path.
      target = below(step.target, roots);
      log.steps.push({ ...step, target });
      continue;
    }
    if (/^make(\[\d+\])?: /.test(line)) target = '';
    const diagnostic = diagnosticOf(line, roots);
    if (diagnostic?.severity === 'error') log.errors.push({ ...diagnostic, index });
    if (diagnostic?.severity !== 'warning' || warnings >= MAX_WARNINGS) continue;
    warnings++;
    const list = log.warnings.get(target) ?? [];
    list.push(normalise(diagnostic).slice(0, MAX_WARNING_LENGTH));
    log.warnings.set(target, list);
  }
  return log;
}
