import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { run, start } from '../process.ts';
import { Resources } from '../resource.ts';
import { type SandboxPolicy, sandboxed } from '../sandbox.ts';
import { ACTS, type Targets } from './acts.ts';

/** What all acts did: names of those that succeeded, and what they changed on the host. */
export interface Outcome {
  succeeded: string[];
  changed: string[];
  uid: number | undefined;
}

/** A process that listens on an abstract socket, which Node.js cannot do before release 22. */
const LISTEN = `use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un("\\0$ARGV[0]")) or die; listen(S, 9); $| = 1; print "ready\\n"; sleep 1000`;

async function targets(dir: string, resources: Resources): Promise<Targets> {
  const [OPEN, TREE, HIDDEN] = ['open', 'tree', 'hidden'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [OPEN, TREE, HIDDEN]) await mkdir(folder, { recursive: true });
  await writeFile(join(HIDDEN, 'secret'), 'secret\n');
  await writeFile(join(HIDDEN, 'file'), 'of the user\n');
  await writeFile(join(TREE, 'Makefile'), 'all:\n');
  const listen = async (where: object) => {
    const server = createServer((connection) => connection.destroy()).listen(where);
    await once(server, 'listening');
    resources.defer(() => server.close());
    return server.address() as { port: number };
  };
  await listen({ path: join(HIDDEN, 'socket') });
  const { port } = await listen({ port: 0, host: '127.0.0.1' });
  const ABSTRACT = `ringlab-${process.pid}`;
  const listener = resources.use(start('perl', ['-e', LISTEN, ABSTRACT]));
  await once(listener.stdout, 'data');
  return { OPEN, TREE, HIDDEN, PORT: `${port}`, ABSTRACT, PID: `${listener.pid}` };
}

/** Everything that the acts could have changed in the folders of `targets`. */
async function changes({ TREE, HIDDEN }: Targets): Promise<string[]> {
  const [tree, hidden] = await Promise.all([readdir(TREE), readdir(HIDDEN)]);
  const file = await readFile(join(HIDDEN, 'file'), 'utf8');
  return [
    ...tree.filter((name) => name !== 'Makefile'),
    ...hidden.filter((name) => !['secret', 'file', 'socket'].includes(name)),
    ...(file === 'of the user\n' ? [] : ['file']),
  ];
}

/** Performs the acts in the sandbox, or with `unsafeNoSandbox` those that harm nothing without it, each in a separate process. */
export async function perform(dir: string, policy: SandboxPolicy = {}): Promise<Outcome> {
  await using resources = new Resources();
  process.env.RINGLAB_SECRET = 'of the lab';
  const facts = await targets(dir, resources);
  const access = { writable: [facts.OPEN], readable: [facts.TREE], cwd: facts.OPEN };
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...facts };
  const succeeded: string[] = [];
  for (const { name, script, control } of ACTS) {
    if (policy.unsafeNoSandbox && !control) continue;
    const [file = '', ...args] = await sandboxed(
      ['bash', '--norc', '-c', script],
      { ...access, env },
      policy,
    );
    const { stdout } = await run(file, args, { accept: 'any', cwd: facts.OPEN });
    if (/^escaped$/m.test(stdout)) succeeded.push(name);
  }
  return { succeeded, changed: await changes(facts), uid: process.getuid?.() };
}

/** Called as a program: performs the acts below the folder of the first argument and prints the outcome as JSON. */
if (process.argv[1] === import.meta.filename)
  process.stdout.write(JSON.stringify(await perform(process.argv[2] ?? '')));
