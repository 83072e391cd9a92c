import { join } from 'node:path';
import { SetupError, say, show } from './command.mjs';
import { stampOf, unlessStamped } from './stamp.mjs';

/** @param {string} root */
const modulesStamp = (root) => join(root, 'node_modules/.ringlab-modules');

/**
 * Runs `npm ci`, unless node_modules was made from the same lock file by the same kind of Node.js. Throws SetupError when it fails.
 * @param {string} root
 */
export function ensureModules(root) {
  const inputs = ['package-lock.json', '.npmrc'].map((name) => join(root, name));
  const stamp = stampOf(inputs, [process.versions.modules, process.platform, process.arch]);
  unlessStamped({ file: modulesStamp(root), stamp, product: join(root, 'node_modules/tap') }, () => {
    say('installing node modules (npm ci)');
    // No package needs its install script: esbuild and biome come as programs, the native crypto of ssh2 is optional.
    if (show('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root })) return;
    throw new SetupError(
      `npm ci failed in ${root} (see above)\nfix: check the network, then run npm run setup again`,
    );
  });
}

/**
 * Builds tap with the plugins of .taprc: two test runs that start together would both do it. Throws SetupError when it fails.
 * @param {string} root
 */
export function ensureTap(root) {
  const stamp = stampOf([join(root, '.taprc'), modulesStamp(root)], [root]);
  // The built class imports its plugins from .tap, which may have been removed since.
  const product = join(root, '.tap/plugins');
  unlessStamped({ file: join(root, 'node_modules/.ringlab-tap'), stamp, product }, () => {
    say('building the test runner (tap build)');
    if (show(process.execPath, [join(root, 'node_modules/tap/dist/esm/run.mjs'), 'build'], { cwd: root }))
      return;
    throw new SetupError(
      `tap build failed in ${root} (see above)\nfix: remove node_modules and run npm run setup`,
    );
  });
}
