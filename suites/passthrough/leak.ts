import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  ioMemory,
  iovecs,
  type NvmeCommand,
  nvme,
  type Passthrough,
  suite,
  type Test,
  test,
} from '../lib/index.ts';
import { type Bench, setUp } from './setup.ts';

const PAGE = 4096;
const RESET_MS = 10_000;

/**
 * Refused while their data is mapped, in nvme_map_user_request(). Before Linux 6.14 (and stable 6.12.y) the request was not given back then, which
 * nobody notices before something waits for all of them.
 */
const FORMS: Record<string, (t: Test, bench: Bench, command: NvmeCommand) => Omit<Passthrough, 'fd'>> = {
  'metadata for a namespace that has none': (t, { device }, command) => {
    if (device.info.metadataBytes > 0) t.skip('the namespace has metadata');
    const metadata = ioMemory(t, 64);
    return { command: { ...command, metadata: metadata.address, metadataLength: metadata.length } };
  },
  'a vector in a registered buffer': (t, { ring }, command) => {
    const memory = ioMemory(t, PAGE);
    ring.registerBuffers([memory]);
    const list = t.use(iovecs([{ address: memory.address, length: PAGE }]));
    const vectored = { ...command, addr: list.address, dataLength: 1 };
    return { cmdOp: 'NVME_URING_CMD_IO_VEC', command: vectored, bufIndex: 0 };
  },
};

const LEAKED =
  'the request of a refused command is leaked (fixed by 00817f0f1c45, "nvme-ioctl: fix leaked requests on mapping error", Linux 6.14)';

// These come last: a kernel that leaks requests never ends the reset, and then nothing works on this controller any more.
suite('what is refused holds nothing', { devices: ['data'] }, () => {
  for (const [name, form] of Object.entries(FORMS)) {
    test(`${name} is EINVAL`, async (t) => {
      const bench = setUp(t);
      const command = nvme.transfer('read', bench.device, { lba: 0, blocks: 8 }, ioMemory(t, PAGE));
      const refused = await bench.ring.execute({ fd: bench.char.fd, ...form(t, bench, command) });
      t.errno(refused, 'EINVAL');
    });
  }

  test('after all that was refused the controller can be reset', {
    knownFault: LEAKED,
    timeoutMs: RESET_MS,
  }, async (t) => {
    const { device, io } = setUp(t);
    const [controller] = device.controllers;
    // In a process of its own, which may never return: the agent could not end if one of its threads did this.
    const reset = controller?.resetFile ?? '';
    const child = spawn('/bin/sh', ['-c', 'echo 1 >"$0"', reset], { detached: true, stdio: 'ignore' });
    child.unref();
    const [code] = await once(child, 'exit');
    t.equal(code, 0, 'the reset');
    t.equal(controller?.state(), 'live');
    t.equal((await io('read', { lba: 0, blocks: 8 }, ioMemory(t, PAGE))).res, 0, 'a read afterwards');
  });
});
