'use strict';
// The Node process that init starts before there is a script to run; `node` beside this file hands it one. Under emulation Node's
// start is most of the time until a suite runs, and this way it overlaps with the start of sshd. The image has a snapshot of the
// state right before `main` (recipe.yaml), which Node starts from on the CPU model that the snapshot was built for.
const { closeSync, mkdirSync, openSync, readFileSync } = require('node:fs');
const { createRequire, isBuiltin } = require('node:module');
const { startupSnapshot, setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

// The modules that the agent imports (suites/agent): the snapshot has them loaded.
for (const name of ['child_process', 'events', 'net', 'path', 'url', 'util']) require(`node:${name}`);

/** Strings of a /proc file that are terminated by NUL. */
const nulTerminated = (path) => readFileSync(path, 'utf8').split('\0').slice(0, -1);

/** V8's code cache of a script, if the agent was pushed with one (suites/agent/bundle.ts). */
function codeCache(file) {
  try {
    return readFileSync(`${file}.compiled`);
  } catch {
    return undefined;
  }
}

/** Runs a CommonJS script: a process from a snapshot lacks Node's module loader. */
function load(file) {
  const source = readFileSync(file, 'utf8');
  // Without the source map, which is as large as the script: a stack trace reads it from the file.
  const mapStart = source.lastIndexOf('\n//# sourceMappingURL=');
  const prefix = '(function (exports, require, module, __filename, __dirname) {';
  const wrapped = `${prefix}${mapStart < 0 ? source : source.slice(0, mapStart)}\n})`;
  const options = { filename: file, columnOffset: -prefix.length, cachedData: codeCache(file) };
  const module = { exports: {} };
  const requireFile = createRequire(file);
  const requireAny = (id) => (isBuiltin(id) ? require(id) : requireFile(id));
  const wrapper = new Script(wrapped, options).runInThisContext();
  wrapper.call(module.exports, module.exports, requireAny, module, file, process.cwd());
}

/** Blocks until somebody has written a request. */
const nextRequest = () => readFileSync('/dev/node.request', 'utf8').trim();

/** Loads a script of a template ahead of time, for its forks: it passes what it would do to `ringlabHold`. Returns that. */
function loadAhead(file) {
  let start;
  globalThis.ringlabHold = (held) => {
    start = held;
  };
  try {
    load(file);
  } catch {
    // Loaded again, and reported, when it is requested.
  }
  delete globalThis.ringlabHold;
  mkdirSync('/dev/node.loaded', { recursive: true });
  return start;
}

function main() {
  // Tells init that Node has started: from now on its exit code is the script's.
  mkdirSync('/dev/node.up', { recursive: true });
  let request = nextRequest();
  // From init (init/fork.c), otherwise a caller's process ID; arguments, environment and output are read from its /proc folder.
  const [, ahead] = /^load (.*)/.exec(request) ?? [];
  const start = ahead && loadAhead(ahead);
  if (ahead) request = nextRequest();
  const caller = `/proc/${request}`;
  const [, , , script, ...args] = nulTerminated(`${caller}/cmdline`);
  for (const pair of nulTerminated(`${caller}/environ`)) {
    const separator = pair.indexOf('=');
    process.env[pair.slice(0, separator)] = pair.slice(separator + 1);
  }
  // Set by init for this process only (init/waiting.c).
  delete process.env.GLIBC_TUNABLES;
  process.chdir(`${caller}/cwd`);
  process.argv = [process.execPath, `${process.cwd()}/${script}`, ...args];
  for (const fd of [1, 2]) {
    // open(2) returns the lowest free descriptor, which is the one just closed.
    closeSync(fd);
    openSync(`${caller}/fd/${fd}`, 'a');
  }
  setFlagsFromString('--sparkplug');
  if (start && process.argv[1] === ahead) start();
  else load(process.argv[1]);
}

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(main);
else main();
