/** One line of kbuild's that says what it made: `  CC      drivers/nvme/host/pci.o`. */
const stepLine = /^ {2}(?:\[[MR]\] *)?([A-Z][A-Z0-9_]*)(?: \[M\])? +(\S+)/;
const compilerLine = /^(\S[^:\s]*):(\d+)(?::(\d+))?: ?(?:fatal )?(warning|error): ?(.*)$/;
const toolLine = /^(?:[\w./-]*ld(?:\.\w+)?: )?(\S[^:\s]*): (warning|error): (.*)$/;
const modpostLine = /^(WARNING|ERROR): modpost: (.*)$/;
const linkerLine = /^(?:[\w./-]*\/)?ld(?:\.\w+)?: ?(.*)$/;
const linkError =
  /undefined reference|multiple definition|cannot find|undefined symbol|file format not recognized|file truncated/;

export interface Finding {
  severity: 'warning' | 'error';
  /** Path in the source tree, or the tool that says it. */
  file: string;
  line?: number;
  message: string;
}

/** What a finished build says, by the target that it says it of. */
export interface BuildLog {
  /** Targets made, in order, with how (`CC`, `LD`). */
  steps: { verb: string; target: string }[];
  /** Warnings under the step that printed them; those outside any step are under ''. */
  warnings: Map<string, string[]>;
  errors: (Finding & { index: number })[];
  lines: string[];
}

/** Cuts the paths of source and object folder from the front of a file name. */
function relativeTo(path: string, roots: readonly string[]): string {
  for (const root of roots) {
    const at = path.indexOf(root);
    if (at >= 0) return path.slice(at + root.length).replace(/^\/+/, '');
  }
  return path.replace(/^(\.\.?\/)+/, '').replace(/^tree\//, '');
}

function below(path: string, roots: readonly string[]): string {
  const root = roots.find((folder) => path.startsWith(`${folder}/`));
  return root === undefined ? path : path.slice(root.length + 1);
}

/** A text with the paths of source and object folder cut to what lies below them. */
export function withoutRoots(text: string, roots: readonly string[]): string {
  const cut = roots.reduce((all, root) => all.replaceAll(`${root}/`, '').replaceAll(root, '.'), text);
  // ccache makes the source's path relative to the object folder.
  return cut.replaceAll('../tree/', '');
}

/** What one line of output says of the kernel; undefined when it is neither a warning nor an error. */
export function findingOf(text: string, roots: readonly string[]): Finding | undefined {
  const compiler = compilerLine.exec(text);
  if (compiler) {
    const [, path = '', line, , severity, message = ''] = compiler;
    return {
      severity: severity === 'error' ? 'error' : 'warning',
      file: relativeTo(path, roots),
      line: Number(line),
      message,
    };
  }
  const modpost = modpostLine.exec(text);
  if (modpost)
    return {
      severity: modpost[1] === 'ERROR' ? 'error' : 'warning',
      file: 'modpost',
      message: modpost[2] ?? '',
    };
  const tool = toolLine.exec(text);
  if (tool && !tool[1]?.startsWith('make'))
    return {
      severity: tool[2] === 'error' ? 'error' : 'warning',
      file: relativeTo(tool[1] ?? '', roots),
      message: tool[3] ?? '',
    };
  const linker = linkerLine.exec(text)?.[1] ?? (/undefined reference to/.test(text) ? text : undefined);
  if (linker === undefined) return undefined;
  if (linkError.test(linker)) return { severity: 'error', file: 'ld', message: relativeTo(linker, roots) };
  return /warning/.test(linker)
    ? { severity: 'warning', file: 'ld', message: relativeTo(linker, roots) }
    : undefined;
}

/** `file: message` without what moves when other code changes: line numbers and offsets into functions. */
export function normalise({ file, message }: Finding): string {
  return `${file}: ${message
    .replace(/\+0x[0-9a-f]+/g, '')
    .replace(/\b0x[0-9a-f]{6,}\b/g, '0x…')
    .trim()}`;
}

/** Whether a line says that a target was made, and which. */
export function stepOf(line: string): { verb: string; target: string } | undefined {
  const [, verb, target] = stepLine.exec(line) ?? [];
  return verb && target ? { verb, target } : undefined;
}

/** Whether a step counts as work: a thousand installed headers take less time than one file of mm/. */
export function isCompiled({ target }: { target: string }): boolean {
  return !target.startsWith('usr/include/');
}

/**
 * Reads the output of `make --output-sync=target`: what a command prints comes in one piece, under the line that names its
 * target. `roots` are the source and object folders.
 */
export function readLog(text: string, roots: readonly string[]): BuildLog {
  const lines = text.split('\n');
  const log: BuildLog = { steps: [], warnings: new Map(), errors: [], lines };
  let target = '';
  for (const [index, line] of lines.entries()) {
    const step = stepOf(line);
    if (step) {
      // The build of objtool names its targets by full path.
      target = below(step.target, roots);
      log.steps.push({ ...step, target });
      continue;
    }
    if (/^make(\[\d+\])?: /.test(line)) target = '';
    const finding = findingOf(line, roots);
    if (finding?.severity === 'error') log.errors.push({ ...finding, index });
    if (finding?.severity === 'warning')
      log.warnings.set(target, [...(log.warnings.get(target) ?? []), normalise(finding)]);
  }
  return log;
}
