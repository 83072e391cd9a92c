import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { InputError } from '../core/errors.ts';
import { hostArch } from '../model/arch.ts';
import { checkConfig, defaultConfig } from './index.ts';
import { configValues, parseConfig } from './kconfig/dotconfig.ts';
import { explain, refused } from './kconfig/explain.ts';
import { evaluate, parseExpression, show } from './kconfig/expression.ts';
import { readKconfig } from './kconfig/parse.ts';
import { diagnosticOf, normalise, readLog } from './log.ts';
import { resolveRequest } from './request.ts';
import { extractUapi } from './uapi/extract.ts';
import { enumeratorNames, textFrom } from './uapi/names.ts';
import { findStructs } from './uapi/structs.ts';

const signal = new AbortController().signal;

t.test('the usual fragments exist and are well-formed', async (t) => {
  const plain = await resolveRequest(defaultConfig(false));
  const debug = await resolveRequest(defaultConfig(true));
  t.match(plain.text, /CONFIG_NVME_MULTIPATH=y/);
  t.notMatch(plain.text, /KASAN/);
  t.match(debug.text, /CONFIG_KASAN=y/);
  t.equal((await resolveRequest({ ...defaultConfig(false), debug: true })).text, debug.text);
});

t.test(
  'checkConfig accepts the usual configs and reports every unknown file and malformed line',
  async (t) => {
    await checkConfig(defaultConfig(false));
    await checkConfig(defaultConfig(true));
    const dir = t.testdir({ 'bad.config': 'CONFIG_NVME=y\nNVME=y\n', 'good.config': 'CONFIG_NVME=y\n' });
    const [bad, good] = [join(dir, 'bad.config'), join(dir, 'good.config')];
    await checkConfig({ start: good, fragments: [good], debug: true });
    const error = await checkConfig({ start: '/nowhere', fragments: ['ghost', bad], debug: false }).catch(
      (thrown) => thrown,
    );
    t.ok(error instanceof InputError);
    t.match(error.problems, [
      { what: 'no config file /nowhere', expected: /tinyconfig, defconfig/ },
      { what: 'no config fragment ghost', expected: /a path, or one of: .*guest/ },
      { what: 'not a config line: NVME=y', where: `${bad}:2` },
    ]);
    t.equal(error.problems.length, 3);
  },
);

t.test('Kconfig expressions are evaluated in tristate logic', async (t) => {
  const lookup = (name: string) => ({ YES: 'y', MOD: 'm', TEXT: '"x"', NUMBER: '16' })[name] ?? 'n';
  const level = (text: string) => evaluate(parseExpression(text), lookup);
  t.same(['YES', 'MOD', 'NO', '!YES', '!MOD', '!NO'].map(level), [2, 1, 0, 0, 1, 2]);
  t.same(['YES && MOD', 'NO || MOD', 'YES && !(NO || YES)', 'MOD || NO && YES'].map(level), [1, 1, 0, 1]);
  t.same(
    ['TEXT = "x"', 'TEXT!="x"', 'MOD=m', 'YES!=n', 'NUMBER >= 8', 'NUMBER<8'].map(level),
    [2, 0, 2, 2, 2, 0],
  );
  t.same(['$(cc-option,-mfoo) && YES', 'y', ''].map(level), [2, 2, 2]);
  t.equal(show(parseExpression('A&&(B||!C)')), '(A && (B || !C))');
});

const tree = {
  Kconfig: 'mainmenu "x"\nsource "arch/$(SRCARCH)/Kconfig"\nsource "drivers/Kconfig"\n',
  'arch/toy/Kconfig': 'config PCI\n\tbool "PCI"\nconfig HELPER\n\tbool\n',
  'drivers/Kconfig': `menu "Drivers"
	depends on PCI

if BLOCK
config NVME
	tristate "NVMe"
	depends on MODULAR && \\
		BLOCK
	select HELPER if PCI
	help
	  depends on NOTHING
	  config NOT_HERE

config OTHER
	bool "Other" if EXPERT
endif
choice
	prompt "one"
config ONE
	bool "1"
config TWO
	bool "2"
endchoice
endmenu
config BLOCK
	bool "Block"
config MODULAR
	tristate "Modular"
`,
};

t.test('the reason why an option did not take comes from its definitions', async (t) => {
  const dir = t.testdir();
  for (const [name, text] of Object.entries(tree)) {
    await mkdir(join(dir, name, '..'), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  const definitions = await readKconfig(dir, 'toy');
  t.same(
    definitions.map(({ symbol }) => symbol),
    ['PCI', 'HELPER', 'NVME', 'OTHER', 'ONE', 'TWO', 'BLOCK', 'MODULAR'],
  );
  const why = (fragment: string, config: string) => {
    const values = configValues(config);
    return refused(parseConfig(fragment, 'f', []), values).map(
      (line) => explain(line, definitions, values).what,
    );
  };
  const prefix = (symbol: string, value: string, actual: string) =>
    `CONFIG_${symbol}=${value} did not take, it is ${actual}: `;
  t.same(why('CONFIG_NVME=y', ''), [
    `${prefix('NVME', 'y', 'n')}unmet dependency: PCI (PCI=n), BLOCK (BLOCK=n), MODULAR (MODULAR=n)`,
  ]);
  const on = 'CONFIG_PCI=y\nCONFIG_BLOCK=y\nCONFIG_MODULAR=m\n';
  t.same(why('CONFIG_NVME=y', `${on}CONFIG_NVME=m`), [`${prefix('NVME', 'y', 'm')}limited to m by MODULAR`]);
  t.same(why('CONFIG_OTHER=y', on), [
    `${prefix('OTHER', 'y', 'n')}its prompt is hidden: unmet EXPERT (EXPERT=n)`,
  ]);
  t.same(why('CONFIG_ONE=y', `${on}CONFIG_TWO=y`), [
    `${prefix('ONE', 'y', 'n')}another member of its choice is taken`,
  ]);
  t.same(why('CONFIG_HELPER=y', on), [
    `${prefix('HELPER', 'y', 'n')}it has no prompt: only other options set it (selected by NVME)`,
  ]);
  t.same(why('# CONFIG_HELPER is not set', `${on}CONFIG_NVME=m\nCONFIG_HELPER=y`), [
    `${prefix('HELPER', 'n', 'y')}selected by NVME`,
  ]);
  t.same(why('CONFIG_NOT_HERE=y', on), ['CONFIG_NOT_HERE=y: this kernel has no such option']);
  t.same(why('# CONFIG_NVME is not set\n# CONFIG_UNKNOWN is not set\n', ''), [], 'absent means off');
  t.same(why('CONFIG_NVME=y\nCONFIG_NVME=m', `${on}CONFIG_NVME=m`), [], 'the last line counts');
});

t.test('warnings and errors of compiler, linker, modpost and objtool are recognised', async (t) => {
  const roots = ['/w/tree', '/w/obj'];
  const parsed = (line: string) => {
    const diagnostic = diagnosticOf(line, roots);
    return diagnostic && `${diagnostic.severity} ${normalise(diagnostic)}`;
  };
  t.equal(
    parsed('/w/tree/drivers/a.c:12:5: warning: x is unused [-Wunused]'),
    'warning drivers/a.c: x is unused [-Wunused]',
  );
  t.equal(parsed('../tree/drivers/a.c:12:5: error: no'), 'error drivers/a.c: no');
  t.equal(
    parsed('/w/tree/a.h:1:10: fatal error: b.h: No such file or directory'),
    'error a.h: b.h: No such file or directory',
  );
  t.equal(
    parsed('vmlinux.o: warning: objtool: f+0x1c: unreachable'),
    'warning vmlinux.o: objtool: f: unreachable',
  );
  t.equal(
    parsed('WARNING: modpost: vmlinux: section mismatch'),
    'warning modpost: vmlinux: section mismatch',
  );
  t.equal(parsed('ERROR: modpost: "f" [m.ko] undefined!'), 'error modpost: "f" [m.ko] undefined!');
  t.equal(
    parsed("ld: drivers/a.o: in function `f': a.c:(.text+0x1): undefined reference to `g'"),
    "error ld: drivers/a.o: in function `f': a.c:(.text): undefined reference to `g'",
  );
  t.equal(parsed('drivers/x/Kconfig:3:warning: odd'), 'warning drivers/x/Kconfig: odd');
  t.equal(parsed('make[2]: warning: jobserver unavailable'), undefined);
  t.equal(parsed('  CC      drivers/warning.o'), undefined);
});

t.test('a warning belongs to the target whose line precedes it', async (t) => {
  const log = readLog(
    'x.c:1:1: warning: early\n  CC      a.o\na.c:1:1: warning: one\n  CC [M]  b.o\n  LD      c\nc.c:9: error: two\n',
    [],
  );
  t.same(
    [...log.warnings],
    [
      ['', ['x.c: early']],
      ['a.o', ['a.c: one']],
    ],
  );
  t.same(
    log.steps.map(({ target }) => target),
    ['a.o', 'b.o', 'c'],
  );
  t.match(log.errors, [{ file: 'c.c', line: 9, message: 'two', index: 5 }]);
});

t.test('an absolute target becomes relative to the object folder or source tree', async (t) => {
  const log = readLog('  CC      /w/obj/tools/objtool/weak.o\n  CALL    /w/tree/scripts/checksyscalls.sh\n', [
    '/w/tree',
    '/w/obj',
  ]);
  t.same(
    log.steps.map(({ target }) => target),
    ['tools/objtool/weak.o', 'scripts/checksyscalls.sh'],
  );
});

t.test('enumerators and struct members are read from preprocessed text', async (t) => {
  const text = textFrom(
    '# 1 "<built-in>"\n#define A 1\n# 1 "/i/x.h" 1\nenum x { B = 1, C, };\nenum { D };\n# 2 "/else.h"\nenum { E };\n',
    ['/i'],
  );
  t.same(enumeratorNames(text), ['B', 'C', 'D']);
  const body = `struct s { int a, *b[2]; union { long c; struct { char d; } __attribute__((packed)); };
    struct { int hidden; } e; void (*f)(int); unsigned g : 3; char h[]; enum { I } i; };`;
  t.same(findStructs(body), [{ tag: 'struct', name: 's', fields: ['a', 'b', 'c', 'd', 'e', 'f', 'h', 'i'] }]);
});

const hostFolders = ['/usr/include', `/usr/include/${hostArch().gnuTriplet}`];
const noHeaders = await access('/usr/include/linux/io_uring.h').then(
  () => false,
  () => 'no kernel headers on this machine',
);
t.test(
  "the constants and layouts of the host's headers have their known values",
  { skip: noHeaders },
  async (t) => {
    const began = performance.now();
    const { constants, structs } = await extractUapi(hostFolders, 'host', signal);
    t.ok(performance.now() - began < 10_000);
    t.match(constants, {
      EPERM: 1,
      EOPNOTSUPP: 95,
      __NR_io_uring_enter: 426,
      IOSQE_ASYNC: 16,
      IORING_OP_NOP: 0,
      IORING_OP_URING_CMD: 46,
      IORING_OFF_SQES: 0x10000000,
      AT_FDCWD: -100,
      BLKGETSIZE64: 0x80081272,
      NVME_URING_CMD_IO: 0xc0484e80,
    });
    t.match(structs, {
      io_uring_sqe: {
        size: 64,
        fields: { user_data: { offset: 32, size: 8 }, cmd_op: { offset: 8, size: 4 }, cmd: { offset: 48 } },
      },
      io_uring_cqe: { size: 16, fields: { res: { offset: 8, size: 4 }, big_cqe: { offset: 16, size: 0 } } },
      nvme_uring_cmd: { size: 72, fields: { cdw10: { offset: 40, size: 4 } } },
    });
    t.notOk('_IOC' in constants || 'NULL' in constants);
  },
);

t.test('64-bit values keep every digit and macros without a number are left out', async (t) => {
  const dir = t.testdir({
    linux: {
      'io_uring.h': [
        '#define BIG (1ULL << 63)',
        '#define WIDE 0x20000000000001',
        '#define LESS (-1)',
        '#define ZERO 0',
        '#define WORD "text"',
        '#define TYPE struct x',
        '#define CALL(x) x',
        '#define BROKEN (',
        '#define UNKNOWN not_here',
        'struct x { char a; };',
        '',
      ].join('\n'),
    },
  });
  const { constants, structs } = await extractUapi([dir], '', signal);
  t.same(constants, { BIG: '9223372036854775808', WIDE: '9007199254740993', LESS: -1, ZERO: 0 });
  t.same(structs, { x: { size: 1, fields: { a: { offset: 0, size: 1 } } } });
  const broken = t.testdir({ linux: { 'io_uring.h': 'struct x { nonsense };\n#define A 1\n' } });
  await t.rejects(extractUapi([broken], '', signal), {
    ...{ message: /headers do not compile: expected specifier/, verdict: 'build-failed', exitCode: 1 },
  });
  await t.rejects(extractUapi([t.testdir({})], '', signal), {
    ...{ message: /headers are missing/, verdict: 'build-failed', exitCode: 1 },
  });
});
