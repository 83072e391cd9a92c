import { ask, SetupError, say, show, which } from './command.mjs';

/** @typedef {import('./packages.mjs').Package} Package */

// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills these placeholders
const STATUS_FORMAT = '${Package} ${db:Status-Status}\\n';

/**
 * The packages that dpkg does not list as installed, by one call for all.
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
 * What to put before a command to run it as root: nothing for root, `sudo -n` where sudo asks for no password, undefined where
 * neither works. The user comes from `id` rather than process.getuid, so that tests can replace it like every other command.
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
  const aptGetCommand = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q'];
  const [command, ...rest] = [...prefix, ...aptGetCommand, '-o', 'DPkg::Lock::Timeout=600', ...args];
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
      `${names.length} Debian packages are missing; installing them needs root, or sudo without a password:\n` +
        `${list(missing)}\nfix: run this once as root:\n  ${byHand}`,
    );
  }
  say(`installing ${names.length} Debian packages: ${names.join(' ')}`);
  // Package lists may be out of date. Without a network they may still name what is needed.
  if (!aptGet(prefix, ['update']))
    say('apt-get update failed; trying with the package lists of this machine');
  if (!aptGet(prefix, install)) {
    throw new SetupError(
      `apt-get could not install the packages (see above)\nfix: run as root:\n  ${byHand}`,
    );
  }
  const still = missingOf(missing);
  if (still.length > 0)
    throw new SetupError(`apt-get ended with code 0, but these packages are not installed:\n${list(still)}`);
}

/**
 * Without apt nothing can be installed. Another distribution may have the commands of the packages: throws SetupError with those
 * that are missing.
 * @param {readonly Package[]} packages
 */
function requireCommands(packages) {
  const missing = packages.filter(({ command }) => command && !which(command));
  if (missing.length === 0) return;
  throw new SetupError(
    'this is not Debian (no dpkg-query or no apt-get), so the set-up can install nothing\n' +
      `missing, by their Debian names:\n${list(missing)}\n` +
      'fix: install the packages of your distribution that have these, or use Debian 12',
  );
}

/**
 * Installs the missing packages. Throws SetupError, with the one command to run as root, when it has no right to or apt-get fails.
 * @param {readonly Package[]} packages
 */
export function ensurePackages(packages) {
  if (which('dpkg-query') && which('apt-get')) ensureByApt(packages);
  else requireCommands(packages);
}
