# Boot sector of the KVM probe (accel.ts): enters long mode with paging, computes in floating point, and ends QEMU through
# isa-debug-exit with code 0x15 << 1 | 1 = 43. After a change: as --64 -o probe.o accel.S &&
# ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary -o probe.bin probe.o && base64 probe.bin, into accelprobe.ts.
.intel_syntax noprefix
.code16
.global _start
_start:
  cli
  ljmp 0, offset 1f
1: xor eax, eax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, 0x7c00
  mov edi, 0x1000
  mov ecx, 0xc00
  cld
  rep stosd
  mov dword ptr [0x1000], 0x2003
  mov dword ptr [0x2000], 0x3003
  mov dword ptr [0x3000], 0x83
  mov eax, cr4
  or eax, 0x620
  mov cr4, eax
  mov eax, 0x1000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x100
  wrmsr
  lgdt [gdtr]
  mov eax, cr0
  and al, 0xfb
  or eax, 0x80000003
  mov cr0, eax
  .byte 0xea
  .word long_mode, 8
.code64
long_mode:
  mov ecx, 1000000
2: cvtsi2sd xmm0, ecx
  mulsd xmm0, xmm0
  push rcx
  pop rcx
  dec ecx
  jnz 2b
  cpuid
  mov dx, 0x501
  mov al, 0x15
  out dx, al
3: hlt
  jmp 3b
.align 8
gdt: .quad 0, 0x00209a0000000000
gdtr: .word 15
  .long gdt
.org 510
.word 0xaa55
