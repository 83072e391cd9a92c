import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Uapi } from '../../lab/model/uapi.ts';

const exec = promisify(execFile);

/** Fields whose offsets and sizes are printed. */
const STRUCTS: Record<string, string[]> = {
  io_uring_sqe: [
    ...['opcode', 'flags', 'ioprio', 'fd', 'off', 'addr', 'len', 'rw_flags', 'user_data', 'buf_index'],
    ...['cmd_op', 'uring_cmd_flags', 'timeout_flags', 'cancel_flags', 'personality', 'cmd'],
  ],
  nvme_uring_cmd: [
    ...['opcode', 'flags', 'nsid', 'cdw2', 'cdw3', 'metadata', 'addr', 'metadata_len', 'data_len'],
    ...['cdw10', 'cdw11', 'cdw12', 'cdw13', 'cdw14', 'cdw15', 'timeout_ms'],
  ],
  nvme_passthru_cmd64: [
    ...['opcode', 'flags', 'nsid', 'cdw2', 'cdw3', 'metadata', 'addr', 'metadata_len', 'data_len', 'cdw10'],
    ...['cdw11', 'cdw12', 'cdw13', 'cdw14', 'cdw15', 'timeout_ms', 'result'],
  ],
  ublksrv_io_desc: ['op_flags', 'nr_sectors', 'start_sector', 'addr'],
  ublksrv_io_cmd: ['q_id', 'tag', 'result', 'addr'],
};

/** Headers whose constants are collected, below `linux/`. */
const HEADERS = ['io_uring.h', 'nvme_ioctl.h', 'ublk_cmd.h'];

/** A C program that prints `uapi.json` for the headers it is compiled against. */
function program(names: string[]): string {
  const constants = names.map((name) => `printf("C ${name} %lld\\n", (long long)(${name}));`);
  const structs = Object.entries(STRUCTS).flatMap(([name, fields]) => [
    `printf("S ${name} %zu\\n", sizeof(struct ${name}));`,
    ...fields.map(
      (field) =>
        `printf("F ${name} ${field} %zu %zu\\n", offsetof(struct ${name}, ${field}), ${field === 'cmd' ? '0' : `sizeof(((struct ${name} *)0)->${field})`});`,
    ),
  ]);
  const includes = [...HEADERS.map((name) => `linux/${name}`), 'errno.h', 'stddef.h', 'stdio.h'];
  return `${includes.map((name) => `#include <${name}>`).join('\n')}
int main(void) { ${[...constants, ...structs].join('\n')} return 0; }\n`;
}

async function namesIn(include: string): Promise<string[]> {
  const texts = await Promise.all(HEADERS.map((file) => readFile(join(include, 'linux', file), 'utf8')));
  const matches = texts
    .join('\n')
    .matchAll(/^\s*(?:#define\s+)?((?:IORING|IOSQE|NVME|UBLK|UBLKSRV)_[A-Z0-9_]+)(?=[\s,=])/gm);
  return [...new Set([...matches].map(([, name]) => name ?? ''))];
}

/**
 * `uapi.json` of installed headers (default: this machine's) for unit tests, in the form that the lab makes for a kernel under test. The
 * release is `host`. Throws when there is no C compiler or header.
 */
export async function hostUapi(include = '/usr/include'): Promise<Uapi> {
  const dir = await mkdtemp(join(tmpdir(), 'ringlab-uapi-'));
  try {
    await writeFile(join(dir, 'main.c'), program(await namesIn(include)));
    await exec('cc', ['-I', include, '-o', join(dir, 'main'), join(dir, 'main.c')]);
    const { stdout } = await exec(join(dir, 'main'), []);
    const uapi: Uapi = { release: 'host', constants: {}, structs: {} };
    for (const line of stdout.trim().split('\n')) {
      const [kind, name = '', ...rest] = line.split(' ');
      const struct = uapi.structs[name];
      if (kind === 'C') uapi.constants[name] = Number(rest[0]);
      else if (kind === 'S') uapi.structs[name] = { size: Number(rest[0]), fields: {} };
      else if (struct) struct.fields[rest[0] ?? ''] = { offset: Number(rest[1]), size: Number(rest[2]) };
    }
    return uapi;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
