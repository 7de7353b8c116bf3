import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seccompFilter } from '../../../src/sandbox/runs/seccomp.js';

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (number: number): number => 0x00050000 | number;
const EPERM = errno(1);

const MACHINES = {
  x64: { audit: 0xc000003e, clone: 56, clone3: 435, socket: 41, socketpair: 53, ioctl: 16, unshare: 272, ptrace: 101 },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    clone3: 435,
    socket: 198,
    socketpair: 199,
    ioctl: 29,
    unshare: 97,
    ptrace: 117,
  },
} as const;
const u64 = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);
type Arch = keyof typeof MACHINES;
const ARCHES = Object.keys(MACHINES) as Arch[];

/** What the kernel does with a filter: runs classic BPF over `struct seccomp_data`. */
function verdict(arch: Arch, nr: number, args: readonly bigint[] = [], audit: number = MACHINES[arch].audit): number {
  const filter = seccompFilter(arch);
  if (filter === null) throw new Error('no filter');
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, audit, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + index * 8, BigInt.asUintN(64, value), true);
  const program = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let accumulator = 0;
  for (let at = 0; at * 8 < filter.byteLength; ) {
    const [code, value] = [program.getUint16(at * 8, true), program.getUint32(at * 8 + 4, true)];
    const jump = (yes: boolean): number => at + 1 + program.getUint8(at * 8 + (yes ? 2 : 3));
    if (code === 0x06) return value;
    if (code === 0x20) [accumulator, at] = [data.getUint32(value, true), at + 1];
    else if (code === 0x15) at = jump(accumulator === value);
    else if (code === 0x35) at = jump(accumulator >= value);
    else if (code === 0x45) at = jump((accumulator & value) !== 0);
    else throw new Error(`instruction ${code} is not used here`);
  }
  throw new Error('fell off the end');
}

describe('seccompFilter', () => {
  it('exists for x86-64 and aarch64 only, and fits the kernel', () => {
    expect(seccompFilter('riscv64')).toBeNull();
    for (const arch of ARCHES) expect((seccompFilter(arch)?.length ?? 0) / 8).toBeLessThan(4096);
  });

  it('ends every call with one of the known verdicts', () => {
    const known = [ALLOW, KILL, EPERM, errno(38), errno(97)];
    fc.assert(
      fc.property(fc.constantFrom(...ARCHES), fc.nat(1000), fc.array(u64, { maxLength: 6 }), (arch, nr, args) => {
        expect(known).toContain(verdict(arch, nr, args));
      }),
    );
  });

  it('kills calls of a foreign architecture and of x32', () => {
    fc.assert(
      fc.property(fc.nat(600), fc.integer({ min: 0, max: 0xffffffff }), (nr, audit) => {
        for (const arch of ARCHES) {
          if (audit !== MACHINES[arch].audit) expect(verdict(arch, nr, [], audit)).toBe(KILL);
        }
        expect(verdict('x64', 0x40000000 + nr)).toBe(KILL);
      }),
    );
    expect(verdict('x64', 1, [], 0x40000003)).toBe(KILL); // 32-bit x86
  });

  it.each([
    ['x64', [101, 165, 246, 250, 272, 298, 304, 308, 310, 311, 321, 323, 425, 426, 427, 428, 429, 442]],
    ['arm64', [117, 40, 104, 219, 97, 241, 265, 268, 270, 271, 280, 282, 425, 426, 427, 428, 429, 442]],
  ] as const)('refuses what programs do without (%s)', (arch, numbers) => {
    for (const nr of numbers) expect([nr, verdict(arch, nr)]).toEqual([nr, EPERM]);
  });

  it.each([
    // read write open close mmap mprotect brk rt_sigaction execve exit wait4 kill setuid setgroups prctl futex openat prlimit64
    ['x64', [0, 1, 2, 3, 9, 10, 12, 13, 59, 60, 61, 62, 105, 116, 157, 202, 257, 302]],
    ['arm64', [63, 64, 57, 222, 226, 214, 134, 221, 93, 260, 129, 146, 159, 167, 98, 56, 261]],
  ] as const)('lets ordinary calls pass (%s)', (arch, numbers) => {
    for (const nr of numbers) expect([nr, verdict(arch, nr)]).toEqual([nr, ALLOW]);
  });

  it('lets clone make threads and processes but no namespaces, and hides clone3', () => {
    const flags = [0x00020000n, 0x02000000n, 0x04000000n, 0x08000000n, 0x10000000n, 0x20000000n, 0x40000000n];
    const mask = flags.reduce((all, flag) => all | flag, 0n);
    for (const arch of ARCHES) {
      expect(verdict(arch, MACHINES[arch].clone3)).toBe(errno(38));
      expect(verdict(arch, MACHINES[arch].clone, [0x3d0f00n])).toBe(ALLOW); // pthread_create
      fc.assert(
        fc.property(u64, fc.constantFrom(...flags), (any, flag) => {
          expect(verdict(arch, MACHINES[arch].clone, [any | flag])).toBe(EPERM);
          expect(verdict(arch, MACHINES[arch].clone, [any & ~mask])).toBe(ALLOW);
        }),
      );
    }
  });

  it('opens sockets of three families only, whatever stands in the upper half of the register', () => {
    fc.assert(
      fc.property(fc.constantFrom(...ARCHES), fc.nat(60), fc.bigInt(0n, 0xffff_ffffn), (arch, domain, upper) => {
        const wanted = [1, 2, 10].includes(domain) ? ALLOW : errno(97);
        const value = (upper << 32n) | BigInt(domain);
        expect(verdict(arch, MACHINES[arch].socket, [value])).toBe(wanted);
        expect(verdict(arch, MACHINES[arch].socketpair, [value])).toBe(wanted);
      }),
    );
  });

  it('refuses to type into terminals', () => {
    for (const arch of ARCHES) {
      expect(verdict(arch, MACHINES[arch].ioctl, [0n, 0x5412n])).toBe(EPERM);
      expect(verdict(arch, MACHINES[arch].ioctl, [0n, 0xffffffff_00005412n])).toBe(EPERM);
      expect(verdict(arch, MACHINES[arch].ioctl, [0n, 0x5401n])).toBe(ALLOW);
    }
  });
});
