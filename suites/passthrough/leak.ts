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
import { type Fixture, setUp } from './setup.ts';

const PAGE = 4096;
const RESET_MS = 10_000;

/**
 * Commands that nvme_map_user_request() refuses while it maps their data. Linux before 6.14 (and before the backport to 6.12.y)
 * did not free the request then. That shows only when a freeze waits for all requests, as a controller reset does.
 */
const REFUSED_FORMS: Record<
  string,
  (t: Test, fixture: Fixture, command: NvmeCommand) => Omit<Passthrough, 'fd'>
> = {
  'metadata on a namespace without metadata': (t, { device }, command) => {
    if (device.info.metadataBytes > 0) t.skip('the namespace has metadata');
    const metadata = ioMemory(t, 64);
    return { command: { ...command, metadata: metadata.address, metadataLength: metadata.length } };
  },
  'iovecs in a registered buffer': (t, { ring }, command) => {
    const memory = ioMemory(t, PAGE);
    ring.registerBuffers([memory]);
    const list = t.use(iovecs([{ address: memory.address, length: PAGE }]));
    const vectored = { ...command, addr: list.address, dataLength: 1 };
    return { cmdOp: 'NVME_URING_CMD_IO_VEC', command: vectored, bufIndex: 0 };
  },
};

const LEAKED =
  'the request of a refused command is leaked (fixed by 00817f0f1c45, "nvme-ioctl: fix leaked requests on mapping error", Linux 6.14)';

// Last in the suite: on a kernel that leaks requests the reset never returns, and the controller is unusable from then on.
suite('requests of refused commands are freed', { devices: ['data'] }, () => {
  for (const [name, form] of Object.entries(REFUSED_FORMS)) {
    test(`a command with ${name} fails with EINVAL`, async (t) => {
      const fixture = setUp(t);
      const command = nvme.transfer('read', fixture.device, { lba: 0, blocks: 8 }, ioMemory(t, PAGE));
      const refused = await fixture.ring.execute({ fd: fixture.char.fd, ...form(t, fixture, command) });
      t.errno(refused, 'EINVAL', `CQE res of a read with ${name}`);
    });
  }

  test('a controller reset returns after commands were refused', {
    knownFault: LEAKED,
    timeoutMs: RESET_MS,
  }, async (t) => {
    const { device, io } = setUp(t);
    const [controller] = device.controllers;
    // In a separate process, since the write may block for ever: the agent could not exit with a thread that is stuck in it.
    const reset = controller?.resetFile ?? '';
    const child = spawn('/bin/sh', ['-c', 'echo 1 >"$0"', reset], { detached: true, stdio: 'ignore' });
    child.unref();
    const [code] = await once(child, 'exit');
    t.equal(code, 0, 'exit code of the write to reset_controller');
    t.equal(controller?.state(), 'live', 'controller state after the reset');
    const { res } = await io('read', { lba: 0, blocks: 8 }, ioMemory(t, PAGE));
    t.equal(res, 0, 'CQE res of a read after the reset');
  });
});
