import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { environmentOf } from './nodes.mjs';
import { printFile, progress } from './output.mjs';
import { newResult, readRun } from './tally.mjs';

/**
 * Starts a command in its own process group. The whole group ends with the command or with `signal`: tap, when it is told to end,
 * leaves the test behind that it was running.
 */
function spawnGroup(command, args, { signal, ...options }) {
  signal.throwIfAborted();
  const child = spawn(command, args, { ...options, detached: true });
  const killGroup = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  signal.addEventListener('abort', () => killGroup('SIGTERM'), { once: true });
  child.once('exit', () => killGroup('SIGKILL'));
  return child;
}

/**
 * @typedef {object} TapRun
 * @property {string} root
 * @property {readonly string[]} files relative to `root`
 * @property {readonly string[]} args of tap, beside the settings of .taprc
 * @property {boolean} eachTest print a line for each test of a file, not only for the file
 * @property {string} [node] program that runs tap and its tests; default: the one that runs this process
 * @property {string} [label] put before the names of files in the results
 * @property {AbortSignal} signal
 */

/**
 * Runs test files with tap and prints each as it ends. Throws the signal's reason when it is aborted.
 * @param {TapRun} run
 * @param {(result: import('./tally.mjs').FileResult) => void} count called with the result of each file, also of those that
 *   never ran
 */
export async function runTap({ root, files, args, eachTest, node, label = '', signal }, count) {
  const awaited = new Set(files);
  let failed = false;
  const add = (result) => {
    awaited.delete(result.file);
    failed ||= result.failures.length > 0;
    const failures = result.failures.map((failure) => ({ ...failure, name: `${label}${failure.name}` }));
    const labelled = { ...result, file: `${label}${result.file}`, failures };
    printFile(labelled);
    count(labelled);
  };
  const tap = join(root, 'node_modules/tap/dist/esm/run.mjs');
  const child = spawnGroup(node ?? process.execPath, [tap, '--reporter=tap', ...args, ...files], {
    cwd: root,
    env: node ? environmentOf(node) : process.env,
    signal,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const onTest = ({ ok, name, skip, time }) =>
    progress(ok, `  ${name}`, skip ? `skipped: ${skip}` : '', time ?? 0);
  const parser = readRun({ onFile: add, onTest: eachTest ? onTest : undefined });
  child.stdout.pipe(parser);
  const [code] = await Promise.all([
    new Promise((resolve) => child.once('close', resolve).once('error', resolve)),
    new Promise((resolve) => parser.once('complete', resolve)),
  ]);
  signal.throwIfAborted();
  for (const file of awaited) add({ ...newResult(file), failures: [{ name: file, why: 'did not run' }] });
  if (code !== 0 && !failed)
    add({ ...newResult('tap'), failures: [{ name: 'tap', why: `ended with ${code}` }] });
}
