import { join } from 'node:path';
import { SetupError, say, show } from './command.mjs';
import { stampOf, unlessStamped } from './stamp.mjs';

/** @param {string} root */
const modulesStamp = (root) => join(root, 'node_modules/.ringlab-modules');

/**
 * `npm ci`, unless node_modules was made from this very lock file by this kind of node.
 * @param {string} root
 */
export function ensureModules(root) {
  const inputs = ['package-lock.json', '.npmrc'].map((name) => join(root, name));
  const stamp = stampOf(inputs, [process.versions.modules, process.platform, process.arch]);
  unlessStamped({ file: modulesStamp(root), stamp, product: join(root, 'node_modules/tap') }, () => {
    say('installing node modules (npm ci)');
    // No package needs its install script: esbuild and biome come built, ssh2's own crypto is optional.
    if (show('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root })) return;
    throw new SetupError(
      `npm ci failed in ${root} (see above)\nto fix: check the network, then run it again`,
    );
  });
}

/**
 * Builds tap with the plugins of .taprc, so that the first of several test runs does not have to.
 * @param {string} root
 */
export function ensureTap(root) {
  const stamp = stampOf([join(root, '.taprc'), modulesStamp(root)], [root]);
  // The built class reaches its plugins by way of .tap, which somebody may have removed.
  const product = join(root, '.tap/plugins');
  unlessStamped({ file: join(root, 'node_modules/.ringlab-tap'), stamp, product }, () => {
    say('building the test runner (tap build)');
    if (show(process.execPath, [join(root, 'node_modules/tap/dist/esm/run.mjs'), 'build'], { cwd: root }))
      return;
    throw new SetupError(
      `tap build failed in ${root} (see above)\nto fix: remove node_modules and run npm run setup`,
    );
  });
}
