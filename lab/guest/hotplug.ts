import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../core/errors.ts';
import { hostArch } from '../model/arch.ts';
import type { ControllerPlace } from './layout.ts';
import { controllerFields } from './nvme.ts';
import type { Qmp, QmpEvent } from './qmp.ts';
import type { Qtest } from './qtest.ts';

/** Device and vendor id of QEMU's pcie-root-port. */
const ROOT_PORT = 0x000c_1b36;
const CAPABILITIES = 0x34;
const PCI_EXPRESS = 0x10;
/** Slot control: an offset in the PCI Express capability, and its bits (PCIe Base Specification 7.5.3.10). */
const SLOT_CONTROL = 0x18;
const POWER_OFF = 0x0400;
const INDICATOR_OFF = 0x0300;
const INDICATOR_BLINKS = 0x0200;
/** An orderly removal takes the guest 5 s, in which a second press of the button would cancel it, plus the time of the driver. */
const ORDERLY_MS = 60_000;
const ABRUPT_MS = 30_000;
/** QEMU has no event for a slot's power, so the lab reads the register this often. */
const POLL_MS = 20;

/** Address of a root port's slot control register in guest memory. Throws LabError when the device is no hot-plug port. */
async function slotControl(qtest: Qtest, device: number): Promise<number> {
  const config = hostArch().qemu.pciConfigBase + (device << 15);
  if ((await qtest.read(config, 'l')) !== ROOT_PORT) {
    throw new LabError(`no hot-plug port answers at PCI device 0x${device.toString(16)}`);
  }
  let capability = await qtest.read(config + CAPABILITIES, 'b');
  while (capability !== 0 && (await qtest.read(config + capability, 'b')) !== PCI_EXPRESS) {
    capability = await qtest.read(config + capability + 1, 'b');
  }
  if (capability === 0) throw new LabError('the hot-plug port has no PCI Express capability');
  return config + capability + SLOT_CONTROL;
}

/** Waits until a slot's control register has a value that `isReached` accepts. Throws LabError(`failure`) after a minute. */
async function waitForSlot(
  qtest: Qtest,
  device: number,
  isReached: (value: number) => boolean,
  failure: string,
): Promise<void> {
  const address = await slotControl(qtest, device);
  const deadline = performance.now() + ORDERLY_MS;
  while (!isReached(await qtest.read(address, 'w'))) {
    if (performance.now() > deadline) throw new LabError(failure);
    await delay(POLL_MS);
  }
}

/**
 * Waits until the guest has finished with a device that was plugged before: the power indicator blinks until then, and QEMU
 * refuses a removal.
 */
const waitUntilIdle = (qtest: Qtest, device: number): Promise<void> =>
  waitForSlot(
    qtest,
    device,
    (value) => (value & INDICATOR_OFF) !== INDICATOR_BLINKS,
    'the guest does not end its work on the slot',
  );

/**
 * Waits until the guest has released an empty slot. After a surprise removal pciehp cuts the power a second later and turns the
 * indicator off last; QEMU would take that for permission to remove whatever is in the slot by then.
 */
const waitUntilReleased = (qtest: Qtest, device: number): Promise<void> =>
  waitForSlot(
    qtest,
    device,
    (value) => (value & (POWER_OFF | INDICATOR_OFF)) === (POWER_OFF | INDICATOR_OFF),
    'the guest does not release the slot',
  );

/**
 * Turns a slot's power off and on again at once. QEMU removes the device when the power goes off. The guest then finds an empty
 * slot that has power, which is what a surprise removal looks like to pciehp. With the power left off, pciehp takes the slot for
 * disabled already and keeps the dead device (seen with Linux 6.12 and QEMU 7.2).
 */
async function cyclePower(qtest: Qtest, device: number): Promise<void> {
  const address = await slotControl(qtest, device);
  const value = await qtest.read(address, 'w');
  await qtest.writeWords([
    { address, value: value | POWER_OFF | INDICATOR_OFF },
    { address, value },
  ]);
}

function portOf(place: ControllerPlace): { id: string; device: number } {
  if (!place.port) throw new LabError(`${place.name} is not hot-pluggable in this guest`);
  return place.port;
}

/** Whether QEMU has the controller; the guest may know less or more. */
async function isPlugged(qmp: Qmp, place: ControllerPlace): Promise<boolean> {
  const devices = (await qmp.execute('qom-list', { path: '/machine/peripheral' })) as { name: string }[];
  return devices.some(({ name }) => name === place.id);
}

/**
 * Waits until QEMU has removed a controller. Its DEVICE_DELETED is no use here: it comes when the object is freed, which never
 * happens if commands were in flight, because each leaks a reference (hw/nvme of QEMU 7.2).
 */
async function waitUntilUnplugged(qmp: Qmp, place: ControllerPlace): Promise<void> {
  const deadline = performance.now() + ABRUPT_MS;
  while (await isPlugged(qmp, place)) {
    if (performance.now() > deadline)
      throw new LabError(`unplug of ${place.name}: not done within ${ABRUPT_MS} ms`);
    await delay(POLL_MS);
  }
}

/**
 * Removes a controller and returns when QEMU does not have it any more. `abrupt`: at once and without asking the guest, like a card
 * that is pulled out; otherwise by the attention button, which the guest answers after 5 s. Throws LabError when the controller is
 * not on a hot-plug port or not plugged in, or when it is not gone in time.
 */
export async function unplug(qmp: Qmp, qtest: Qtest, place: ControllerPlace, abrupt: boolean): Promise<void> {
  const { device } = portOf(place);
  await waitUntilIdle(qtest, device);
  // Needed in both cases: the power alone removes only a device whose removal was requested.
  const remove = () => qmp.execute('device_del', { id: place.id });
  if (abrupt) {
    await remove();
    await cyclePower(qtest, device);
    await waitUntilUnplugged(qmp, place);
    return;
  }
  const isRemoved = ({ event, data }: QmpEvent) => event === 'DEVICE_DELETED' && data.device === place.id;
  await Promise.all([qmp.nextEvent(isRemoved, `unplug of ${place.name}`, ORDERLY_MS), remove()]);
}

/**
 * Puts a controller back into its port; its subsystem attaches the shared namespaces to it. Throws LabError when the controller is
 * plugged in, or when the guest does not release the slot.
 */
export async function replug(qmp: Qmp, qtest: Qtest, place: ControllerPlace): Promise<void> {
  if (await isPlugged(qmp, place)) throw new LabError(`${place.name} is plugged in already`);
  await waitUntilReleased(qtest, portOf(place).device);
  await qmp.execute('device_add', { driver: 'nvme', ...controllerFields(place) });
}
