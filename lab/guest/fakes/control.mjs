/** QMP and qtest of the fake QEMU: the commands that the lab uses, and one register of the hot-plug port. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { migrationCommands } from './migration.mjs';

const SLOT_CONTROL = 0x54 + 0x18;
const REGISTERS = { 0: 0x000c1b36, 52: 0x54, 84: 0x10 };
const POWERED_OFF = 0x0700;

/** Connects to a socket of the lab and passes its lines and a function that replies to `onLine`. */
async function connectLines(path, onLine) {
  const socket = connect(path);
  await once(socket, 'connect');
  createInterface({ input: socket }).on('line', (line) => onLine(line, (text) => socket.write(`${text}\n`)));
  return socket;
}

const usernet = (port) =>
  `Hub -1 (net):\r\n  TCP[HOST_FORWARD]  13       127.0.0.1 ${port}       10.0.2.15    22     0     0\r\n`;

/** Ids of the NVMe controllers on the command line. */
const devicesIn = (args) => args.flatMap((arg) => /^nvme,id=([^,]+)/.exec(arg)?.[1] ?? []);

/** Connects QMP and qtest. `guest`: its scenario and console. Returns how to send an event, and how to close both after everything has been sent. */
export async function serveControl(qmpPath, qtestPath, port, args, guest) {
  const plugged = new Set(devicesIn(args));
  const removed = new Set();
  let slot = 0x01f1;
  const deleteRemoved = () => {
    for (const id of removed) {
      plugged.delete(id);
      control.event('DEVICE_DELETED', { device: id, path: `/machine/peripheral/${id}` });
    }
    removed.clear();
  };
  const commands = {
    ...migrationCommands({ ...guest, plugged, event: (...event) => control.event(...event) }),
    qmp_capabilities: () => (guest.closesFirst ? qmp.destroy() : {}),
    'query-version': () => ({ qemu: { major: 7, minor: 2, micro: 99 } }),
    'human-monitor-command': () => usernet(port),
    'qom-list': () => [...plugged].map((name) => ({ name })),
    device_del: ({ id }) => {
      if (!plugged.has(id)) throw new Error(`Device '${id}' not found`);
      removed.add(id);
      return {};
    },
    device_add: ({ driver, id, bus }) => {
      if (driver === 'nvme-ns' && !plugged.has(bus)) throw new Error(`Bus '${bus}' not found`);
      if (driver === 'nvme') plugged.add(id);
      slot = 0x01f1;
      return {};
    },
    // The next letter on the serial line is a command to the kernel (SysRq).
    'chardev-send-break': () => {
      process.stdin.once('data', (letter) => {
        const report = { w: 'Show Blocked State', l: 'Show backtrace of all active CPUs' }[String(letter)];
        process.stdout.write(`[    2.0] sysrq: ${report}\ntask:fake state:D by ${letter}\n`);
      });
      return {};
    },
    block_set_io_throttle: ({ device, iops }) => {
      process.stdout.write(`throttle ${device} ${iops}\n`);
      return {};
    },
  };
  const qmp = await connectLines(qmpPath, (line, reply) => {
    const { execute, arguments: commandArgs, id } = JSON.parse(line);
    try {
      const command = commands[execute];
      if (!command) throw new Error(`The command ${execute} has not been found`);
      reply(JSON.stringify({ return: command(commandArgs), id }));
    } catch (error) {
      reply(JSON.stringify({ error: { class: 'GenericError', desc: error.message }, id }));
    }
  });
  qmp.write(`${JSON.stringify({ QMP: { version: {}, capabilities: [] } })}\n`);
  const qtest = await connectLines(qtestPath, (line, reply) => {
    const [verb, address, value] = line.split(' ');
    const offset = Number(address) & 0xfff;
    if (verb === 'writew') {
      const off = (Number(value) & POWERED_OFF) === POWERED_OFF;
      if (off) deleteRemoved();
      // The guest's driver cuts the power of a slot that it finds empty.
      slot = off || plugged.size === 2 ? Number(value) : Number(value) | POWERED_OFF;
      return reply('OK');
    }
    reply(
      `OK 0x${(offset === SLOT_CONTROL ? slot : (REGISTERS[offset] ?? 0)).toString(16).padStart(16, '0')}`,
    );
  });
  const control = {
    event: (event, data) => qmp.write(`${JSON.stringify({ event, data, timestamp: {} })}\n`),
    end: (onClosed) => {
      qtest.destroy();
      qmp.end(onClosed);
    },
  };
  return control;
}
