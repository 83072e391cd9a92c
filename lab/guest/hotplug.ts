import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from '../core/errors.ts';
import { controllerFields } from './command.ts';
import type { ControllerPlace } from './layout.ts';
import type { Qmp, QmpEvent } from './qmp.ts';
import type { Qtest } from './qtest.ts';

/** Where q35's firmware maps PCI configuration space (PCIEXBAR). */
const ECAM = 0xb000_0000;
const ROOT_PORT = 0x000c_1b36;
const CAPABILITIES = 0x34;
const PCI_EXPRESS = 0x10;
/** Slot control: an offset in the PCI Express capability, and its bits (PCIe Base Specification 7.5.3.10). */
const SLOT_CONTROL = 0x18;
const POWER_OFF = 0x0400;
const INDICATOR_OFF = 0x0300;
const INDICATOR_BLINKS = 0x0200;
/** An orderly removal takes the guest 5 s (the attention button may be pressed again to cancel) and what the driver needs. */
const ORDERLY_MS = 60_000;
const ABRUPT_MS = 30_000;
/** QEMU has no event for a slot's power; this often it is looked at. */
const LOOK_MS = 20;

/** Address of a root port's slot control register in guest memory. */
async function slotControl(qtest: Qtest, device: number): Promise<number> {
  const config = ECAM + (device << 15);
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

/**
 * Takes the power from a slot and gives it back at once. QEMU removes the device when the power goes; the guest finds an empty
 * slot whose power it believes on, which is what pulling a card looks like to pciehp. Left off, pciehp would take the slot
 * for disabled already and keep the dead device (seen with Linux 6.12 and QEMU 7.2).
 */
async function pull(qtest: Qtest, device: number): Promise<void> {
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

/** Whether QEMU has the controller, whatever the guest knows of it. */
async function isPlugged(qmp: Qmp, place: ControllerPlace): Promise<boolean> {
  const devices = (await qmp.execute('qom-list', { path: '/machine/peripheral' })) as { name: string }[];
  return devices.some(({ name }) => name === place.id);
}

/**
 * Waits until QEMU has taken a controller out. Its DEVICE_DELETED comes when the object is freed, which is never if there were
 * commands in flight: each keeps a reference that nobody gives back (hw/nvme of QEMU 7.2).
 */
async function untilOut(qmp: Qmp, place: ControllerPlace): Promise<void> {
  const deadline = performance.now() + ABRUPT_MS;
  while (await isPlugged(qmp, place)) {
    if (performance.now() > deadline) throw new LabError(`unplug of ${place.name}: not in ${ABRUPT_MS} ms`);
    await delay(LOOK_MS);
  }
}

/** Waits until the guest has done with what was plugged before: its power light blinks that long, and QEMU refuses a removal. */
async function steady(qtest: Qtest, device: number): Promise<void> {
  const address = await slotControl(qtest, device);
  const deadline = performance.now() + ORDERLY_MS;
  while (((await qtest.read(address, 'w')) & INDICATOR_OFF) === INDICATOR_BLINKS) {
    if (performance.now() > deadline) throw new LabError('the guest does not end its work on the slot');
    await delay(LOOK_MS);
  }
}

/**
 * Removes a controller. `abrupt`: at once and without asking the guest, as if the card were pulled; otherwise by the attention
 * button, which the guest answers after 5 s. Returns when the device is gone from QEMU.
 */
export async function unplug(qmp: Qmp, qtest: Qtest, place: ControllerPlace, abrupt: boolean): Promise<void> {
  const { device } = portOf(place);
  await steady(qtest, device);
  // Power alone would not do: QEMU must have been told to remove the device.
  const remove = () => qmp.execute('device_del', { id: place.id });
  if (abrupt) {
    await remove();
    await pull(qtest, device);
    await untilOut(qmp, place);
    return;
  }
  const isGone = ({ event, data }: QmpEvent) => event === 'DEVICE_DELETED' && data.device === place.id;
  await Promise.all([qmp.nextEvent(isGone, `unplug of ${place.name}`, ORDERLY_MS), remove()]);
}

/**
 * Waits until the guest has done with the empty slot. pciehp takes a second to cut the power after a card was pulled and puts
 * the light out last: QEMU takes that for leave to remove whatever is in the slot by then.
 */
async function settled(qtest: Qtest, device: number): Promise<void> {
  const address = await slotControl(qtest, device);
  const off = POWER_OFF | INDICATOR_OFF;
  const deadline = performance.now() + ORDERLY_MS;
  while (((await qtest.read(address, 'w')) & off) !== off) {
    if (performance.now() > deadline) throw new LabError('the guest does not release the slot');
    await delay(LOOK_MS);
  }
}

/** Puts a controller back into its port; its subsystem attaches the shared namespaces to it. */
export async function replug(qmp: Qmp, qtest: Qtest, place: ControllerPlace): Promise<void> {
  if (await isPlugged(qmp, place)) throw new LabError(`${place.name} is plugged in already`);
  await settled(qtest, portOf(place).device);
  await qmp.execute('device_add', { driver: 'nvme', ...controllerFields(place) });
}
