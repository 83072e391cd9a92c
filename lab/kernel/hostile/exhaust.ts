import { type Attack, perl, rows } from './attack.ts';

/** Have to be ended as faults of the series, not of the machine. */
const fills: Attack[] = [
  {
    aim: 'exhaust',
    name: 'fills the disk',
    script: () => 'n=0; while head -c 128M /dev/zero >fill$n; do n=$((n + 1)); done',
    ends: 'build-failed',
  },
  {
    aim: 'exhaust',
    name: 'fills the disk in a folder without permissions',
    script: () =>
      'mkdir dark; exec 3>dark/a 4>dark/b; chmod 000 dark; for n in 3 4; do head -c 2G /dev/zero >&$n; done; sleep 50',
    ends: 'build-failed',
  },
  {
    aim: 'exhaust',
    name: 'leaves files without end',
    script: () =>
      perl('for my $d (0..99999) { mkdir "d$d"; for (0..999) { open F, ">d$d/$_" or exit; close F } }'),
    ends: 'build-failed',
  },
];

/** Use up time, memory or disk of the lab. */
export const exhausts = rows('exhaust', [
  ['prints a line that does not end', () => 'head -c 300000000 /dev/zero | tr "\\0" x'],
  ['prints many lines', () => 'yes "  CC      src/a.o" | head -n 3000000'],
  ['prints many warnings', () => 'yes "src/a.c:1:1: warning: this is one of many" | head -n 300000 1>&2'],
  ['leaves a maze of links', () => 'mkdir -p q; for n in a b c d; do ln -s . q/$n; done'],
  ['leaves a FIFO among the headers', () => 'mkdir -p usr/include/linux; mkfifo usr/include/linux/pipe'],
  ['leaves a FIFO as its symbol table', () => 'rm -f System.map; mkfifo System.map'],
  [
    'leaves a FIFO as its release',
    () => 'rm -f include/config/kernel.release; mkfifo include/config/kernel.release',
  ],
  ['leaves deep folders', () => perl('for (1..1500) { mkdir "d"; chdir "d" }')],
  ['leaves many files', () => perl('mkdir "many"; for (1..20000) { open F, ">many/$_"; close F }')],
  ['leaves a sparse file of a terabyte as its kernel', () => 'truncate -s 1T vmlinux'],
  [
    'makes a header of many bytes',
    () => 'mkdir -p usr/include/linux; head -c 80000000 /dev/zero | tr "\\0" "#" > usr/include/linux/fs.h',
  ],
  ['prints many empty lines', () => 'yes "" | head -n 60000000'],
  [
    'makes a header of semicolons',
    () => 'mkdir -p usr/include/linux; head -c 4000000 /dev/zero | tr "\\0" ";" >usr/include/linux/fs.h',
  ],
  ['starts many processes', () => perl('for (1..200) { fork or do { sleep 3; exit } }')],
]).concat(fills);
