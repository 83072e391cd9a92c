# Boot sector of the accelerator probe (accel-probe.ts). A KVM that cannot run our guests fails at one of the things it does:
# entering long mode with paging, a million floating-point operations, CPUID (an exit to the hypervisor). It then writes 0x15 to
# port 0x501, where the isa-debug-exit device ends QEMU with code 0x15 << 1 | 1 = 43.
#
# After a change: as --64 -o probe.o accel-probe.x86_64.S &&
#   ld -m elf_x86_64 -Ttext 0x7c00 --oformat binary -o probe.bin probe.o
# and the base64 of probe.bin, without the zeroes and the signature at its end, goes into accel-code.ts (a unit test compares them).
#
# Layout: loaded by the firmware at 0x7c00 in real mode; page tables at 0x1000, 0x2000 and 0x3000 map the first 2 MiB to itself.
.intel_syntax noprefix
.code16
.global _start
_start:
  cli
  ljmp 0, offset 1f               # cs = 0: some firmware starts at 07c0:0000
1: xor eax, eax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, 0x7c00
  mov edi, 0x1000                 # clear the three page tables
  mov ecx, 0xc00
  cld
  rep stosd
  mov dword ptr [0x1000], 0x2003  # PML4[0] -> PDPT, PDPT[0] -> PD, PD[0] = a page of 2 MiB at 0; present, writable
  mov dword ptr [0x2000], 0x3003
  mov dword ptr [0x3000], 0x83
  mov eax, cr4
  or eax, 0x620                   # CR4: PAE, OSFXSR, OSXMMEXCPT
  mov cr4, eax
  mov eax, 0x1000
  mov cr3, eax
  mov ecx, 0xc0000080             # EFER: LME
  rdmsr
  or eax, 0x100
  wrmsr
  lgdt [gdtr]
  mov eax, cr0
  and al, 0xfb                    # CR0: no emulation of the FPU; protected mode, paging
  or eax, 0x80000003
  mov cr0, eax
  .byte 0xea                      # ljmp 8:long_mode, in its 16-bit form
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
# Null descriptor, 64-bit code segment.
gdt: .quad 0, 0x00209a0000000000
gdtr: .word 15
  .long gdt
.org 510
.word 0xaa55
