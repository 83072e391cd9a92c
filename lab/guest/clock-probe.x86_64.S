# Boot sector of the clock probe (clock-probe.ts). Takes 64 samples, a millisecond or more apart, of the time-stamp counter before
# and after a reading of the ACPI PM timer, whose rate is known. Each goes to port 0xe9 (isa-debugcon) as five little-endian words of
# 32 bits: counter before (low, high), PM timer, counter after (low, high). It then ends QEMU as the accelerator probe does.
#
# After a change: as --64 -o probe.o clock-probe.x86_64.S &&
#   ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary -o probe.bin probe.o
# and the base64 of probe.bin, without the zeroes and the signature at its end, goes into probe-code.ts (a unit test compares them).
#
# Layout: loaded by the firmware at 0x7c00 in real mode, and stays there. The firmware has put the PM timer at port 0x608.
.intel_syntax noprefix
.code16
.global _start
_start:
  cli
  ljmp 0, offset 1f               # cs = 0: some firmware starts at 07c0:0000
1: xor ax, ax
  mov ss, ax
  mov sp, 0x7c00
  mov bp, 64                      # samples
sample:
  rdtsc
  mov esi, eax
  mov edi, edx
  mov dx, 0x608
  in eax, dx
  mov ebx, eax
  rdtsc
  push edx
  push eax
  push ebx
  push edi
  push esi
  mov cx, 5
  mov dx, 0xe9
2: pop eax                        # one word, lowest byte first
  mov si, 4
3: out dx, al
  shr eax, 8
  dec si
  jnz 3b
  loop 2b
  mov dx, 0x608                   # wait for 4096 ticks of the PM timer, 1.1 ms; it wraps at 24 bits
4: in eax, dx
  sub eax, ebx
  and eax, 0xffffff
  cmp eax, 4096
  jb 4b
  dec bp
  jnz sample
  mov dx, 0x501
  mov al, 0x15
  out dx, al
5: hlt
  jmp 5b
.org 510
.word 0xaa55
