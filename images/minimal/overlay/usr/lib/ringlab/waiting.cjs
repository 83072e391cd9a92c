'use strict';
// A node that is there before there is something to run: init starts it, `node` beside this file hands it a script. Starting
// node is most of what a suite waits for under emulation; this way it happens while sshd comes up.
const { closeSync, openSync, readFileSync } = require('node:fs');

/** Parts of a file of /proc that end with NUL. */
const parts = (path) => readFileSync(path, 'utf8').split('\0').slice(0, -1);

// Blocks until a caller has written its process ID; all else is read off that process.
const caller = `/proc/${readFileSync('/dev/node.request', 'utf8').trim()}`;
const [, , , script, ...args] = parts(`${caller}/cmdline`);
for (const pair of parts(`${caller}/environ`)) {
  const at = pair.indexOf('=');
  process.env[pair.slice(0, at)] = pair.slice(at + 1);
}
process.chdir(`${caller}/cwd`);
process.argv = [process.execPath, `${process.cwd()}/${script}`, ...args];
for (const fd of [1, 2]) {
  // A file that is opened takes the lowest free number: the one just closed.
  closeSync(fd);
  openSync(`${caller}/fd/${fd}`, 'a');
}
require(process.argv[1]);
