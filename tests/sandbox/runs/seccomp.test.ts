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
function verdict(
  arch: Arch,
  nr: number,
  args: readonly bigint[] = [],
  audit: number = MACHINES[arch].audit,
  trace = false,
): number {
  const filter = seccompFilter(arch, { trace });
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
    [
      'x64',
      [
        29, 64, 68, 101, 103, 134, 136, 139, 153, 154, 155, 159, 161, 163, 164, 165, 166, 167, 168, 169, 172, 173, 174,
        175, 176, 179, 180, 212, 227, 246, 248, 249, 250, 256, 272, 279, 298, 300, 303, 304, 305, 308, 310, 311, 312,
        313, 319, 320, 321, 323, 425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 440, 442, 443, 447, 467,
      ],
    ],
    [
      'arm64',
      [
        18, 39, 40, 41, 42, 51, 58, 60, 89, 97, 104, 105, 106, 112, 116, 117, 142, 170, 171, 186, 190, 194, 217, 218,
        219, 224, 225, 238, 239, 241, 262, 264, 265, 266, 268, 270, 271, 272, 273, 279, 280, 282, 294, 425, 426, 427,
        428, 429, 430, 431, 432, 433, 438, 440, 442, 443, 447, 467,
      ],
    ],
  ] as const)('refuses what programs do without (%s)', (arch, numbers) => {
    for (const nr of numbers) expect([nr, verdict(arch, nr)]).toEqual([nr, EPERM]);
    // And nothing else out of hand.
    const refused = Array.from({ length: 600 }, (_, nr) => nr).filter((nr) => verdict(arch, nr) === EPERM);
    expect(refused).toEqual(numbers);
  });

  it("lets no page come out of the machine's store of huge ones", () => {
    for (const [arch, mmap] of [
      ['x64', 9],
      ['arm64', 222],
    ] as const) {
      expect(verdict(arch, mmap, [0n, 4096n, 3n, 0x22n])).toBe(ALLOW);
      expect(verdict(arch, mmap, [0n, 4096n, 3n, 0x40022n])).toBe(EPERM);
    }
  });

  it('lets processes trace each other where that is asked for, but not the first', () => {
    for (const arch of ARCHES) {
      const { ptrace } = MACHINES[arch];
      const prlimit = arch === 'x64' ? 302 : 261;
      for (const [pid, wanted] of [
        [2n, ALLOW],
        [1n, EPERM],
        [(1n << 32n) | 1n, EPERM],
      ] as const) {
        expect(verdict(arch, ptrace, [16n, pid], undefined, true)).toBe(wanted);
        expect(verdict(arch, prlimit, [pid])).toBe(wanted);
      }
      expect(verdict(arch, ptrace, [16n, 2n])).toBe(EPERM);
    }
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
