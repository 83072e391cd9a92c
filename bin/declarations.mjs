import { posix } from 'node:path';
import ts from 'typescript';
import { packageRoot } from './root.mjs';

const IMPORTS = /(?:from|import\()\s*'(\.[^']+)'/g;
const declarationOf = (path) => path.replace(/\.(m?)ts$/, '.d.$1ts').replace(/\.mjs$/, '.d.mts');

/** Declarations of all modules that `entries` reach, by their path; types are inferred but not checked, which `npm run check` does. */
function emit(entries) {
  const configFile = posix.join(packageRoot, 'tsconfig.json');
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, packageRoot);
  const program = ts.createProgram(
    entries.map((entry) => posix.join(packageRoot, entry)),
    {
      ...options,
      ...{ noEmit: false, noCheck: true, declaration: true, emitDeclarationOnly: true, outDir: packageRoot },
    },
  );
  const texts = new Map();
  program.emit(undefined, (path, text) => texts.set(posix.relative(packageRoot, path), text));
  return texts;
}

/**
 * The declarations that a user of these modules sees, and no others: those of the modules, and of what they import.
 * @param {readonly string[]} entries modules, relative to the package's folder
 * @returns {Map<string, string>} text by path, relative to the package's folder
 */
export function declarations(entries) {
  const texts = emit(entries);
  const needed = new Map();
  const add = (path) => {
    const text = texts.get(path);
    if (text === undefined || needed.has(path)) return;
    needed.set(path, text);
    for (const [, specifier] of text.matchAll(IMPORTS))
      add(posix.join(posix.dirname(path), declarationOf(specifier)));
  };
  for (const entry of entries) add(declarationOf(entry));
  return needed;
}
