import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { say, show } from './command.mjs';
import { stampOf, unlessStamped } from './stamp.mjs';

/**
 * The folder whose `include/node` has the headers of this Node.js; undefined where there are none, so that node-gyp downloads
 * them. Every distribution of nodejs.org, NodeSource and Docker has them beside its program; another package may have those of
 * another release in the same place.
 */
function headersRoot() {
  const folder = dirname(dirname(realpathSync(process.execPath)));
  const header = join(folder, 'include/node/node_version.h');
  if (!existsSync(header)) return undefined;
  const [, major] = /#define NODE_MAJOR_VERSION (\d+)/.exec(readFileSync(header, 'utf8')) ?? [];
  return major === process.versions.node.split('.')[0] ? folder : undefined;
}

/**
 * Compiles SQLite and its addon, in about a minute, unless they are up to date. Without them ringlab lacks only the history of runs, so a
 * failure is reported and ends nothing; the next set-up tries again.
 * @param {string} root folder of the checkout
 */
export function ensureSqlite(root) {
  const folder = join(root, 'node_modules/better-sqlite3');
  const inputs = [join(folder, 'package.json'), join(root, 'node_modules/.ringlab-modules')];
  const product = join(folder, 'build/Release/better_sqlite3.node');
  const stamp = stampOf(inputs, [process.versions.modules, process.arch]);
  const headers = headersRoot();
  const place = headers === undefined ? [] : [`--nodedir=${headers}`];
  unlessStamped({ file: join(root, 'node_modules/.ringlab-sqlite'), stamp, product }, () => {
    say('compiling SQLite for the history of runs (npm rebuild, about a minute)');
    // From its sources: the script would otherwise download a program from GitHub.
    const script = ['rebuild', 'better-sqlite3', '--build-from-source', '--ignore-scripts=false', ...place];
    if (show('npm', script, { cwd: root })) return true;
    say('SQLite could not be compiled (see above): runs are not kept in the history; all else works');
    say('fix: install g++, make and python3, then run npm run setup again');
    return false;
  });
}
