/** `ringlab/suite` has everything that the project's own suites use, and the documentation lists it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import t from 'tap';
import ts from 'typescript';

const suites = join(import.meta.dirname, '..');
const library = join(import.meta.dirname, 'index.ts');
/** Folders of `suites` that are no suites of the library's. */
const OTHERS = ['lib', 'binding', 'agent', 'fakes', 'foreign'];

const folders = readdirSync(suites, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !OTHERS.includes(entry.name))
  .map(({ name }) => join(suites, name));
const files = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name)),
);

const { config } = ts.readConfigFile(join(suites, '../tsconfig.json'), ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, join(suites, '..'));
const program = ts.createProgram([library, ...files], options);
const checker = program.getTypeChecker();

/** What a name stands for in the end, through imports and exports. */
function resolved(symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function exportsOf(path: string): ts.Symbol[] {
  const source = program.getSourceFile(path);
  const module = source && checker.getSymbolAtLocation(source);
  if (!module) throw new Error(`${path} is no module`);
  return checker.getExportsOfModule(module);
}

/** The names that a file imports from the library or the binding, with what they stand for. */
function* importsOf(path: string): Generator<[name: string, symbol: ts.Symbol]> {
  for (const statement of program.getSourceFile(path)?.statements ?? []) {
    if (!ts.isImportDeclaration(statement)) continue;
    const module = (statement.moduleSpecifier as ts.StringLiteral).text;
    const bindings = statement.importClause?.namedBindings;
    if (!/^(\.\.\/)+(lib|binding)\//.test(module) || !bindings || !ts.isNamedImports(bindings)) continue;
    for (const { name } of bindings.elements) {
      const symbol = checker.getSymbolAtLocation(name);
      if (symbol) yield [name.text, resolved(symbol)];
    }
  }
}

const isTypeOnly = (node: ts.Declaration) =>
  ts.isExportSpecifier(node) && ts.isTypeOnlyExportDeclaration(node);

t.test('ringlab/suite exports everything that the suites of the project import', (t) => {
  const exported = new Set(exportsOf(library).map(resolved));
  const imported = files.flatMap((path) =>
    [...importsOf(path)].map(([name, symbol]) => ({ name, symbol, where: relative(suites, path) })),
  );
  t.ok(imported.length > 500, `${imported.length} imports are checked`);
  const missing = imported.filter(({ symbol }) => !exported.has(symbol));
  t.same(
    missing.map(({ name, where }) => `${name} (${where})`),
    [],
    'names that suites use and the library does not export',
  );
  t.end();
});

t.test('suites/README.md lists every value that ringlab/suite exports', (t) => {
  const readme = readFileSync(join(suites, 'README.md'), 'utf8');
  const listed = new Set([...readme.matchAll(/`([\w.]+)/g)].map(([, name]) => name));
  const values = exportsOf(library).filter(
    (symbol) => resolved(symbol).flags & ts.SymbolFlags.Value && !symbol.declarations?.some(isTypeOnly),
  );
  t.same(
    values.map(({ name }) => name).filter((name) => !listed.has(name)),
    [],
    'values that the README does not list',
  );
  t.end();
});
