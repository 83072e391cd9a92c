'use strict';
// A node that is there before there is something to run: init starts it, `node` beside this file hands it a script. Starting
// node is most of what a suite waits for under emulation; this way it happens while sshd comes up. The image has a snapshot
// of its state right before `main` (recipe.yaml), from which it starts on the CPU that it was made for.
const { closeSync, mkdirSync, openSync, readFileSync } = require('node:fs');
const { createRequire, isBuiltin } = require('node:module');
const { startupSnapshot, setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

// What the agent takes (suites/agent): in the snapshot they need not be loaded.
for (const name of ['child_process', 'events', 'net', 'path', 'url', 'util']) require(`node:${name}`);

/** Parts of a file of /proc that end with NUL. */
const parts = (path) => readFileSync(path, 'utf8').split('\0').slice(0, -1);

/** V8's compiled form of a script, if it came along (suites/agent/bundle.ts). */
function compiled(file) {
  try {
    return readFileSync(`${file}.compiled`);
  } catch {
    return undefined;
  }
}

/** Loads a CommonJS script: node's own loader is not there in a snapshot. */
function load(file) {
  const source = readFileSync(file, 'utf8');
  // The map is as large as the script, and read from the file when it is wanted.
  const end = source.lastIndexOf('\n//# sourceMappingURL=');
  const head = '(function (exports, require, module, __filename, __dirname) {';
  const wrapped = `${head}${end < 0 ? source : source.slice(0, end)}\n})`;
  const options = { filename: file, columnOffset: -head.length, cachedData: compiled(file) };
  const module = { exports: {} };
  const others = createRequire(file);
  const ask = (id) => (isBuiltin(id) ? require(id) : others(id));
  const run = new Script(wrapped, options).runInThisContext();
  run.call(module.exports, module.exports, ask, module, file, process.cwd());
}

function main() {
  // For init: node has started, so that its end is the script's.
  mkdirSync('/dev/node.up', { recursive: true });
  // Blocks until a caller has written its process ID; all else is read off that process.
  const caller = `/proc/${readFileSync('/dev/node.request', 'utf8').trim()}`;
  const [, , , script, ...args] = parts(`${caller}/cmdline`);
  for (const pair of parts(`${caller}/environ`)) {
    const at = pair.indexOf('=');
    process.env[pair.slice(0, at)] = pair.slice(at + 1);
  }
  // Meant for this process alone.
  delete process.env.GLIBC_TUNABLES;
  process.chdir(`${caller}/cwd`);
  process.argv = [process.execPath, `${process.cwd()}/${script}`, ...args];
  for (const fd of [1, 2]) {
    // A file that is opened takes the lowest free number: the one just closed.
    closeSync(fd);
    openSync(`${caller}/fd/${fd}`, 'a');
  }
  setFlagsFromString('--sparkplug');
  load(process.argv[1]);
}

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(main);
else main();
