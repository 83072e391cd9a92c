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
import { type Fixture, PAGE, setUp } from './setup.ts';

const RESET_MS = 10_000;

const firstPage = ({ device }: Fixture): nvme.Span => ({ lba: 0, blocks: device.blocksOf(PAGE) });

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
    const list = t.use(iovecs([memory]));
    const vectored = { ...command, addr: list.address, dataLength: 1 };
    return { cmdOp: 'NVME_URING_CMD_IO_VEC', command: vectored, bufIndex: 0 };
  },
};

/** Forms that newer kernels take (checked on 6.12, 7.2 and 7.3). */
const TAKEN_SINCE: Record<string, { since: string; change: string }> = {
  'iovecs in a registered buffer': {
    since: '6.16',
    change: 'nvme_uring_cmd_io() imports iovecs in registered buffers; before, it refused them with EINVAL',
  },
};

const LEAKED =
  'the request of a refused command is leaked (fixed by 00817f0f1c45, "nvme-ioctl: fix leaked requests on mapping error", Linux 6.14)';

// Last in the suite: on a kernel that leaks requests the reset never returns, and the controller is unusable from then on.
suite('requests of refused commands are freed', { devices: ['data'] }, () => {
  for (const [name, form] of Object.entries(REFUSED_FORMS)) {
    const release = TAKEN_SINCE[name];
    const exception = release === undefined ? '' : `, and succeeds since Linux ${release.since}`;
    test(`a command with ${name} fails with EINVAL${exception}`, async (t) => {
      const fixture = setUp(t);
      const command = nvme.transfer('read', fixture.device, firstPage(fixture), ioMemory(t, PAGE));
      const cqe = await fixture.ring.execute({ fd: fixture.char.fd, ...form(t, fixture, command) });
      if (release && t.since(release.since, release.change))
        t.equal(cqe.res, 0, `CQE res of a read with ${name}`);
      else t.errno(cqe, 'EINVAL', `CQE res of a read with ${name}`);
    });
  }

  test('a controller reset returns after commands were refused', {
    knownFault: LEAKED,
    timeoutMs: RESET_MS,
  }, async (t) => {
    const fixture = setUp(t);
    const { device, io } = fixture;
    const [controller] = device.controllers;
    // In a separate process, since the write may block for ever: the agent could not exit with a thread that is stuck in it.
    const reset = controller?.resetFile ?? '';
    const child = spawn('/bin/sh', ['-c', 'echo 1 >"$0"', reset], { detached: true, stdio: 'ignore' });
    child.unref();
    const [code] = await once(child, 'exit');
    t.equal(code, 0, 'exit code of the write to reset_controller');
    t.equal(controller?.state(), 'live', 'controller state after the reset');
    const { res } = await io('read', firstPage(fixture), ioMemory(t, PAGE));
    t.equal(res, 0, 'CQE res of a read after the reset');
  });
});
