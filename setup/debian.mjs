import { ask, SetupError, say, show, which } from './command.mjs';

/** @typedef {import('./packages.mjs').Package} Package */

// biome-ignore lint/suspicious/noTemplateCurlyInString: these are dpkg's own placeholders
const STATUS_FORMAT = '${Package} ${db:Status-Status}\\n';

/**
 * Those of the packages that dpkg does not have installed, asked in one call.
 * @param {readonly Package[]} packages
 */
function missingOf(packages) {
  const names = packages.map(({ name }) => name);
  const listing = ask('dpkg-query', ['-W', '-f', STATUS_FORMAT, ...names]) ?? '';
  const installed = new Set(
    listing
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return packages.filter(({ name }) => !installed.has(name));
}

/**
 * How this user becomes root: `[]` when root, `['sudo', '-n']` when sudo asks for no password, undefined when not at all.
 * Asked of `id`, as every other fact of the machine is asked of a command.
 */
function rootPrefix() {
  if (ask('id', ['-u'])?.trim() === '0') return [];
  if (which('sudo') && show('sudo', ['-n', 'true'])) return ['sudo', '-n'];
  return undefined;
}

/**
 * @param {readonly string[]} prefix
 * @param {readonly string[]} args
 */
function aptGet(prefix, args) {
  const [command, ...rest] = [
    ...prefix,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-q',
    '-o',
    'DPkg::Lock::Timeout=600',
    ...args,
  ];
  return show(command, rest);
}

/** @param {readonly Package[]} packages */
const list = (packages) => packages.map(({ name, why }) => `  ${name.padEnd(20)} ${why}`).join('\n');

/** @param {readonly Package[]} packages */
function ensureByApt(packages) {
  const missing = missingOf(packages);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  const install = ['install', '-y', '--no-install-recommends', ...names];
  const byHand = `apt-get update && apt-get ${install.join(' ')}`;
  const prefix = rootPrefix();
  if (!prefix) {
    throw new SetupError(
      `${names.length} Debian packages are missing, and neither root nor sudo without a password is at hand:\n` +
        `${list(missing)}\nto fix, run this once as root:\n  ${byHand}`,
    );
  }
  say(`installing ${names.length} Debian packages: ${names.join(' ')}`);
  // Lists that are there may be those of another day; without the net they may still do.
  if (!aptGet(prefix, ['update'])) say('apt-get update failed; trying with the package lists that are there');
  if (!aptGet(prefix, install)) {
    throw new SetupError(
      `apt-get could not install the packages (see above)\nto fix, run as root:\n  ${byHand}`,
    );
  }
  const still = missingOf(missing);
  if (still.length > 0)
    throw new SetupError(`apt-get ended well, but these are not installed:\n${list(still)}`);
}

/**
 * Without apt nothing can be installed here; the commands that the packages would bring may be there all the same.
 * @param {readonly Package[]} packages
 */
function lookForCommands(packages) {
  const missing = packages.filter(({ command }) => command && !which(command));
  if (missing.length === 0) return;
  throw new SetupError(
    'this is not Debian (no dpkg-query and apt-get), so nothing can be installed by itself\n' +
      `missing, by their Debian names:\n${list(missing)}\n` +
      'fix, install what your distribution calls these, or use Debian 12',
  );
}

/**
 * Installs what is missing of the packages. Throws SetupError, naming the one command to run, when it may not.
 * @param {readonly Package[]} packages
 */
export function ensurePackages(packages) {
  if (which('dpkg-query') && which('apt-get')) ensureByApt(packages);
  else lookForCommands(packages);
}
