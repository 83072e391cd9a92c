import { connected, ioMemory, suite, test } from '../lib/index.ts';
import { completions, GroupRing, nop, range } from './groups.ts';
import { EXTENDED_FLAGS, writeRaw } from './payload.ts';

/** The first and the last byte of the padding of an SQE (`__pad2`), which IORING_OP_SEND_ZC checks (io_send_zc_prep). */
const PADDING = [56, 63];

suite('bits of SQEs that have no meaning yet', { class: 'choice' }, () => {
  // An ABI that ignores bits today cannot define them tomorrow: programs may have left anything there.
  test('a request with any undefined bit of its extended flags fails with EINVAL', async (t) => {
    if (!t.uapi.has('IOSQE_HAS_EXT_FLAGS')) t.skip('the kernel has no extended flags');
    const known = t.uapi.constant('IOSQE_EXT_SQE_GROUP');
    const groupRing = new GroupRing(t, { flags: ['IORING_SETUP_SUBMIT_ALL'] });
    for (const bit of range(0, 8).filter((index) => !((known >>> index) & 1))) {
      const flags = ['IOSQE_HAS_EXT_FLAGS'];
      writeRaw(groupRing, nop(1, { flags }), EXTENDED_FLAGS, Uint8Array.of(1 << bit));
      t.same(
        completions(await groupRing.submitAndWait(1)),
        ['1:-EINVAL'],
        `completion of a NOP with bit ${bit} of its extended flags`,
      );
    }
  });

  for (const byte of PADDING)
    test(`IORING_OP_SEND_ZC with byte ${byte} of its padding set fails with EINVAL, as without groups`, async (t) => {
      const { sender } = await connected(t, { family: 'tcp' });
      const groupRing = new GroupRing(t);
      const send = { opcode: 'IORING_OP_SEND_ZC', fd: sender, addr: ioMemory(t, 64).address, len: 64 };
      writeRaw(groupRing, { ...send, userData: 1 }, byte, Uint8Array.of(1));
      t.same(completions(await groupRing.submitAndWait(1)), ['1:-EINVAL'], 'completion of the send');
    });
});
