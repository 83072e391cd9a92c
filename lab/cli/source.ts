import { Command } from '@commander-js/extra-typings';
import type { KernelSource } from '../model/kernel.ts';
import { addSource, dropSource, listSources, updateSources } from '../source/index.ts';
import { columns, print, printJson } from './output.ts';
import { contextFor } from './render.ts';

/** Where a source is: `Debian trixie-backports, linux-source-7.3`, a path or an address. */
function placeWords({ package: packageName, suite, path, revision, url }: KernelSource): string {
  if (packageName !== undefined) return suite === undefined ? packageName : `Debian ${suite}, ${packageName}`;
  return url ?? `${path}${revision === undefined ? '' : `, ${revision}`}`;
}

function listVerb(signal: AbortSignal) {
  return new Command('list')
    .description('List the kernels that --kernel takes: those of ringlab and those added.')
    .option('--json', 'print the list as JSON', false)
    .addHelpText('after', '\nExample: ringlab source list')
    .action(async ({ json }) => {
      const sources = await listSources(contextFor(signal, {}));
      if (json) return printJson('source-list', sources);
      const missing = (source: KernelSource) =>
        source.suite === undefined && source.url === undefined ? 'missing' : 'downloaded when used';
      const rows = sources.map((source) => [
        source.name,
        source.ready ? (source.version ?? 'here') : missing(source),
        placeWords(source),
        source.summary,
      ]);
      print(columns(rows));
    });
}

function addVerb(signal: AbortSignal) {
  return new Command('add')
    .description('Keep a kernel by name, for --kernel: a tarball, a package of a Debian suite, or a tree.')
    .argument('<name>', 'the name that --kernel takes')
    .option('--tarball <path>', 'a tarball of the kernel: a path, or an address with http:// or https://')
    .option('--sha256 <hash>', 'the SHA-256 of the tarball; needed for an address')
    .option('--package <name>', 'a Debian package with a kernel source')
    .option('--suite <suite>', 'the suite of Debian that has the package, such as trixie-backports')
    .option('--tree <dir>', 'a git tree or folder')
    .option('--base <rev>', 'with --tree: the revision of the git tree (default: HEAD)')
    .option('--summary <text>', 'what it is, for lists')
    .option('--json', 'print the source as JSON', false)
    .addHelpText('after', '\nExample: ringlab source add sid-7.2 --suite sid --package linux-source-7.2')
    .action(async (name, { json, ...options }) => {
      const source = await addSource({ name, ...options }, contextFor(signal, {}));
      if (json) printJson('source', source);
      else print(`${name}: ${placeWords(source)}\nuse it: ringlab run --kernel ${name}`);
    });
}

function updateVerb(signal: AbortSignal) {
  return new Command('update')
    .description('Take the newest versions of downloaded kernels into use, and download what is missing.')
    .argument('[name]', 'only this source (default: those that are here or were added)')
    .option('--json', 'print what was done as JSON', false)
    .addHelpText('after', '\nExample: ringlab source update debian-7.3')
    .action(async (name, { json }) => {
      const updates = await updateSources(name, contextFor(signal, {}));
      if (json) return printJson('source-update', updates);
      const words = updates.map(({ name: source, changed, before, after, kept }) => {
        const versions = before === after ? (after ?? '') : [before, after].filter(Boolean).join(' -> ');
        return [source, changed ? 'updated' : 'unchanged', versions, kept ?? ''];
      });
      print(words.length > 0 ? columns(words) : 'nothing to update: no kernel has been downloaded yet');
    });
}

function removeVerb(signal: AbortSignal) {
  return new Command('remove')
    .description('Forget a kernel that was added, with its download. A tree or tarball of yours stays.')
    .argument('<name>', 'a name of `ringlab source add`')
    .option('--json', 'print the source as JSON', false)
    .addHelpText('after', '\nExample: ringlab source remove next')
    .action(async (name, { json }) => {
      const source = await dropSource(name, contextFor(signal, {}));
      if (json) printJson('source', source);
      else print(`removed: ${name}, ${placeWords(source)}`);
    });
}

/** `ringlab source` with its subcommands. */
export const sourceVerb = (signal: AbortSignal) =>
  new Command('source')
    .description('Kernels by name: list, add, update and remove them.')
    .addHelpText('after', '\nExample: ringlab source list')
    .addCommand(listVerb(signal))
    .addCommand(addVerb(signal))
    .addCommand(updateVerb(signal))
    .addCommand(removeVerb(signal));
