/**
 * How the fake QEMU is a template or a fork: it writes its state to the lab's socket, and reads it from descriptor 3. `serial` emits the lines
 * that the lab sends to the console.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const STATE = 'state of a fake template';

/**
 * QMP's commands for it. `cont` goes on as init in a fork: `print` prints on the console. The scenario `refused` is of a QEMU that cannot
 * read the state, `driveless` of a kernel that does not find its drives.
 */
export function migrationCommands({ scenario, event, print, plugged }) {
  const controllers = [];
  let awake = false;
  let told = 0;
  let expected = 0;
  const end = (status) => setImmediate(() => event('MIGRATION', { status }));
  const tell = () => {
    while (told < controllers.length) print(`ringlab: controller ${++told} of ${expected} is there\r\n`);
    if (told === expected) print('ringlab: guest is up\r\n');
  };
  process.stdin.on('data', (text) => {
    const [, count] = /^ringlab-fork \d+ (\d+) \d+ \d+ [0-9a-f]{64}\n$/.exec(String(text)) ?? [];
    if (count === undefined) return;
    expected = Number(count);
    awake = true;
    if (scenario === 'driveless')
      print(`ringlab: drives are missing: 0 of ${count} controllers are live\r\nringlab: guest is up\r\n`);
    else tell();
  });
  return {
    stop: () => ({}),
    cont: () => {
      if (awake) tell();
      return {};
    },
    'migrate-set-capabilities': () => ({}),
    'query-migrate': () => ({ status: 'failed', 'error-desc': 'a fake reason' }),
    migrate: ({ uri }) => {
      connect(uri.replace('unix:', '')).end(STATE, () => end('completed'));
      return {};
    },
    'migrate-incoming': ({ uri }) => {
      const state = readFileSync(Number(uri.replace('fd:', '')), 'utf8');
      end(scenario !== 'refused' && state === STATE ? 'completed' : 'failed');
      return {};
    },
    'qom-set': ({ path, property, value }) => {
      const [, id] = /^\/machine\/peripheral\/(.+)\/\1$/.exec(path) ?? [];
      if (!plugged.has(id) || property !== 'hotplug-handler' || value !== '/machine')
        throw new Error(`Property '${path}.${property}' not found`);
      controllers.push(id);
      return {};
    },
  };
}
