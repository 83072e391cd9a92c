import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { Victims } from './attack.ts';

/** Text that only the user may see. */
export const SECRET = 'ringlab-canary-7f3a91';

async function listening(where: string | number, onConnection: () => void): Promise<Server> {
  const server = createServer((socket) => {
    onConnection();
    socket.destroy();
  });
  if (typeof where === 'number') server.listen(where, '127.0.0.1');
  else server.listen(where);
  await once(server, 'listening');
  return server;
}

/** What a user has beside the lab: a secret, servers that count connections, and a process. */
export class Bystanders implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #process: ChildProcess;
  readonly victims: Victims;
  connections = 0;

  private constructor(victims: Victims, process: ChildProcess) {
    this.victims = victims;
    this.#process = process;
  }

  /** `dir`: an empty folder of the user. */
  static async start(dir: string, paths: Pick<Victims, 'cache' | 'work'>): Promise<Bystanders> {
    const home = join(dir, 'home');
    mkdirSync(home);
    writeFileSync(join(home, 'secret'), `${SECRET}\n`, { mode: 0o600 });
    const child = spawn('sleep', ['3600'], { cwd: home, env: { SECRET }, stdio: 'ignore' });
    await once(child, 'spawn');
    const abstract = `ringlab-${process.pid}`;
    const victims = { home, pid: child.pid ?? 0, port: 0, abstract, ...paths };
    const bystanders = new Bystanders(victims, child);
    for (const where of [join(home, 'socket'), `\0${abstract}`, 0])
      bystanders.#servers.push(await listening(where, () => bystanders.connections++));
    const address = bystanders.#servers.at(-1)?.address();
    victims.port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    return bystanders;
  }

  /** What an attack has done to the user since the start; empty when nothing. */
  harm(): string[] {
    const { home } = this.victims;
    const { exitCode, signalCode, pid } = this.#process;
    const alive = exitCode === null && signalCode === null;
    const state = alive ? /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] : 'gone';
    return [
      ...(readFileSync(join(home, 'secret'), 'utf8') === `${SECRET}\n` ? [] : ['the secret was changed']),
      ...readdirSync(home)
        .filter((name) => !['secret', 'socket'].includes(name))
        .map((name) => `${name} was made in the home folder`),
      ...(this.connections > 0 ? [`${this.connections} connections`] : []),
      ...(state === 'S' ? [] : [`the process is ${state}`]),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
