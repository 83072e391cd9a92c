import { ioMemory, iovecs } from '../lib/index.ts';
import { type Fixture, PAGE } from './fixture.ts';

/** Puts `fd` in slot 0 of the file table; -1 empties the slot. */
function updateFile(fixture: Fixture, fd: number): void {
  const { uapi } = fixture.t;
  const fds = ioMemory(fixture.t, PAGE);
  fds.view.setInt32(0, fd, true);
  const update = new DataView(new ArrayBuffer(uapi.size('io_uring_files_update')));
  uapi.write(update, 'io_uring_files_update', { offset: 0, fds: fds.address });
  const bytes = new Uint8Array(update.buffer);
  fixture.ring.register(uapi.constant('IORING_REGISTER_FILES_UPDATE'), bytes, 1);
}

/** Puts other memory in both slots of the buffer table. */
function replaceBuffers(fixture: Fixture): void {
  const { t } = fixture;
  const list = iovecs([ioMemory(t, PAGE, 5), ioMemory(t, PAGE, 6)]);
  const update = new DataView(new ArrayBuffer(t.uapi.size('io_uring_rsrc_update2')));
  t.uapi.write(update, 'io_uring_rsrc_update2', { data: list.address, nr: 2 });
  const bytes = new Uint8Array(update.buffer);
  fixture.ring.register(t.uapi.constant('IORING_REGISTER_BUFFERS_UPDATE'), bytes, bytes.length);
  list.release();
}

/** Calls io_uring_register with an opcode that takes no argument. */
export const register = (opcode: string) => (fixture: Fixture) =>
  void fixture.ring.register(fixture.t.uapi.constant(opcode), null, 0);

/** What ends a mapping of file slot 0. */
export const ENDINGS: Record<string, (fixture: Fixture) => void> = {
  'it is unmapped': (fixture) => fixture.unmap(),
  'the buffers are replaced': replaceBuffers,
  'the file slot is emptied': (fixture) => updateFile(fixture, -1),
  'the file slot gets another file': (fixture) => updateFile(fixture, fixture.file.fd),
  'the files are unregistered': register('IORING_UNREGISTER_FILES'),
  'the buffers are unregistered': register('IORING_UNREGISTER_BUFFERS'),
  'the ring is closed': (fixture) => fixture.ring.close(),
};

/** What ends a mapping without waiting for the I/O in flight, besides a call that unmaps it and the end of the ring. */
export const IN_FLIGHT: Record<string, (fixture: Fixture) => void> = {
  'the buffers are replaced': replaceBuffers,
  'the file slot is emptied': (fixture) => updateFile(fixture, -1),
  'the file slot gets another file': (fixture) => updateFile(fixture, fixture.file.fd),
};
