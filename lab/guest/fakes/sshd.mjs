/** The guest's SSH server in the fake QEMU: commands run in a shell on the host, forwards listen on the host's loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import ssh2 from 'ssh2';

/** Content of a file in an uncompressed tar archive. */
function fromTar(tar, name) {
  for (let at = 0; at < tar.length; ) {
    const header = tar.subarray(at, at + 512);
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8) || 0;
    if (header.toString('latin1', 0, 100).replace(/\0.*$/s, '') === name)
      return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`no ${name} in the seed`);
}

/** dropbear's ed25519 host key in OpenSSH's format, the one that ssh2 reads. */
function opensshKey(dropbear) {
  const string = (bytes) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const number = (value) => Buffer.from([0, 0, 0, value]);
  const [type, pair] = [dropbear.subarray(4, 15), dropbear.subarray(19, 83)];
  const publicKey = Buffer.concat([string(type), string(pair.subarray(32))]);
  const check = number(7);
  const comment = string(Buffer.alloc(0));
  const secret = Buffer.concat([check, check, publicKey, string(pair), comment]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, -secret.length & 7);
  const none = string(Buffer.from('none'));
  const all = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), none, none, string(Buffer.alloc(0)), number(1), string(publicKey)],
    string(Buffer.concat([secret, padding])),
  ]);
  const armour = 'OPENSSH PRIVATE KEY';
  return `-----BEGIN ${armour}-----\n${all.toString('base64')}\n-----END ${armour}-----\n`;
}

function runCommand(channel, command, runFakeCommand) {
  if (runFakeCommand(command)) return;
  const child = spawn('sh', ['-c', command]);
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  channel.on('close', () => child.kill('SIGKILL'));
  child.on('close', (code, signal) => {
    if (signal) channel.exit(signal.replace('SIG', ''), false, '');
    else channel.exit(code);
    channel.end();
  });
}

async function forward(client, accept) {
  const server = createServer((socket) => {
    const { remotePort, localPort } = socket;
    // A process may be gone before it has read everything.
    socket.on('error', () => {});
    client.forwardOut('127.0.0.1', localPort, '127.0.0.1', remotePort, (error, channel) => {
      if (error) return socket.destroy();
      socket.on('close', () => channel.close());
      socket.pipe(channel).pipe(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  accept(server.address().port);
}

/**
 * Starts a server with the keys in `seed`. `runFakeCommand` is tried first with each command. `mute`: connections are accepted and
 * get no answer.
 */
/** `mute`: never answers. `closing`: so many connections are closed before the login. */
export async function serveSsh(seed, runFakeCommand, { mute = false, closing = 0 } = {}) {
  let toClose = closing;
  const hostKey = opensshKey(fromTar(seed, 'etc/dropbear/host_key'));
  const authorizedKey = ssh2.utils.parseKey(fromTar(seed, 'root/.ssh/authorized_keys'));
  const server = mute ? createServer(() => {}) : new ssh2.Server({ hostKeys: [hostKey] });
  server.on('connection', (client) => {
    if (mute) return;
    client.on('error', () => {});
    if (toClose-- > 0) return client.end();
    client.on('authentication', (attempt) => {
      const isAuthorized =
        attempt.method === 'publickey' && attempt.key.data.equals(authorizedKey.getPublicSSH());
      if (isAuthorized) attempt.accept();
      else attempt.reject(['publickey']);
    });
    client.on('request', (accept, _reject, name) => {
      if (name === 'tcpip-forward') void forward(client, accept);
      else accept?.();
    });
    client.on('session', (accept) => {
      accept().on('exec', (take, _reject, { command }) => runCommand(take(), command, runFakeCommand));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port };
}
