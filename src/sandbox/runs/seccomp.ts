/**
 * The system-call filter of the sandbox: a classic BPF program, made here as bytes and handed to bubblewrap. It refuses
 * the calls that ordinary programs do without and kernel exploits are fond of. Numbers: Linux `unistd_64.h` (x86-64) and
 * `asm-generic/unistd.h` (aarch64).
 */

/** Why a call ends the way it does. `kill` ends the process; numbers are errno values. */
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** `[x86-64, aarch64]`; `null` where the architecture has no such call. */
const REFUSED: Readonly<Record<string, readonly [number, number | null]>> = {
  // Reading and steering other processes; see also `ptrace` below.
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // Memory that belongs to no process and no file: nothing limits it, and nobody sees it who adds up what processes hold.
  memfd_create: [319, 279],
  shmget: [29, 194],
  semget: [64, 190],
  msgget: [68, 186],
  // Large kernel interfaces with a long history of holes.
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  fanotify_init: [300, 262],
  memfd_secret: [447, 447],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  modify_ldt: [154, null],
  // Mounts and namespaces.
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  open_tree_attr: [467, 467],
  setns: [308, 268],
  unshare: [272, 97],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  // The machine itself.
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  create_module: [174, null],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  syslog: [103, 116],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  acct: [163, 89],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  lookup_dcookie: [212, 18],
  nfsservctl: [180, 42],
  vhangup: [153, 58],
  iopl: [172, null],
  ioperm: [173, null],
  uselib: [134, null],
  ustat: [136, null],
  sysfs: [139, null],
};

interface Architecture {
  readonly column: 0 | 1;
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number;
  readonly clone: number;
  readonly clone3: number;
  readonly socket: number;
  readonly socketpair: number;
  readonly ioctl: number;
  readonly ptrace: number;
  readonly prlimit: number;
  readonly mmap: number;
  /** Calls from here on belong to the x32 interface. */
  readonly x32From: number | null;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: {
    column: 0,
    audit: 0xc000003e,
    clone: 56,
    clone3: 435,
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    ptrace: 101,
    prlimit: 302,
    mmap: 9,
    x32From: 0x40000000,
  },
  arm64: {
    column: 1,
    audit: 0xc00000b7,
    clone: 220,
    clone3: 435,
    socket: 198,
    socketpair: 199,
    ioctl: 29,
    ptrace: 117,
    prlimit: 261,
    mmap: 222,
    x32From: null,
  },
};

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACE_FLAGS = 0x7e020000;
/** AF_UNIX, AF_INET, AF_INET6. */
const SOCKET_DOMAINS = [1, 2, 10];
/** TIOCSTI types into a terminal, TIOCLINUX pastes into one. */
const TERMINAL_REQUESTS = [0x5412, 0x541c];
/** MAP_HUGETLB: pages out of a store of the machine's, which count as memory of no group and are in no figure of a process. */
const HUGE_PAGES = 0x40000;

const RETURN = { allow: 0x7fff0000, errno: 0x00050000, kill: 0x80000000 } as const;
/** Offsets in `struct seccomp_data`; both architectures are little-endian, so the low half of an argument comes first. */
const DATA = { nr: 0, arch: 4, arg0: 16, arg1: 24, arg3: 40 } as const;
const OP = { load: 0x20, jumpEqual: 0x15, jumpGreaterEqual: 0x35, jumpAnySet: 0x45, return: 0x06 } as const;

/**
 * The filter for an architecture as Node names it (`process.arch`), or `null` where there is none.
 *
 * Refused calls fail with EPERM; `clone3` with ENOSYS, because its flags cannot be seen and callers then use `clone`;
 * sockets of other families with EAFNOSUPPORT. Calls of a foreign architecture end the process. With `trace` processes may trace each other,
 * but not the first one: of an ordinary user that is the same user, and has none of the limits.
 */
export function seccompFilter(
  arch: string,
  { trace }: { readonly trace: boolean } = { trace: false },
): Uint8Array | null {
  const machine = ARCHITECTURES[arch];
  if (machine === undefined) return null;
  const program = new Program();
  program.load(DATA.arch).jump(OP.jumpEqual, machine.audit, null, 'kill').load(DATA.nr);
  if (machine.x32From !== null) program.jump(OP.jumpGreaterEqual, machine.x32From, 'kill', null);
  for (const numbers of Object.values(REFUSED)) {
    const number = numbers[machine.column];
    if (number !== null) program.jump(OP.jumpEqual, number, 'refuse', null);
  }
  program
    .jump(OP.jumpEqual, machine.clone3, 'unknown', null)
    .jump(OP.jumpEqual, machine.ptrace, trace ? 'ptrace' : 'refuse', null)
    .jump(OP.jumpEqual, machine.prlimit, 'prlimit', null)
    .jump(OP.jumpEqual, machine.clone, 'clone', null)
    .jump(OP.jumpEqual, machine.mmap, 'mmap', null)
    .jump(OP.jumpEqual, machine.socket, 'socket', null)
    .jump(OP.jumpEqual, machine.socketpair, 'socket', null)
    .jump(OP.jumpEqual, machine.ioctl, 'ioctl', 'allow');
  program.label('clone').load(DATA.arg0).jump(OP.jumpAnySet, NAMESPACE_FLAGS, 'refuse', 'allow');
  program.label('socket').load(DATA.arg0);
  for (const domain of SOCKET_DOMAINS) program.jump(OP.jumpEqual, domain, 'allow', null);
  program.return(RETURN.errno | EAFNOSUPPORT);
  // The kernel reads a process id out of the low half alone.
  program.label('prlimit').load(DATA.arg0).jump(OP.jumpEqual, 1, 'refuse', 'allow');
  if (trace) program.label('ptrace').load(DATA.arg1).jump(OP.jumpEqual, 1, 'refuse', 'allow');
  program.label('mmap').load(DATA.arg3).jump(OP.jumpAnySet, HUGE_PAGES, 'refuse', 'allow');
  program.label('ioctl').load(DATA.arg1);
  for (const request of TERMINAL_REQUESTS) program.jump(OP.jumpEqual, request, 'refuse', null);
  program.label('allow').return(RETURN.allow);
  program.label('refuse').return(RETURN.errno | EPERM);
  program.label('unknown').return(RETURN.errno | ENOSYS);
  program.label('kill').return(RETURN.kill);
  return program.bytes();
}

/** Collects instructions; a jump target is a label, or `null` for the next instruction. */
class Program {
  readonly #instructions: { code: number; whenTrue: string | null; whenFalse: string | null; value: number }[] = [];
  readonly #labels = new Map<string, number>();

  load(offset: number): this {
    return this.#add(OP.load, offset, null, null);
  }

  jump(code: number, value: number, whenTrue: string | null, whenFalse: string | null): this {
    return this.#add(code, value, whenTrue, whenFalse);
  }

  return(value: number): this {
    return this.#add(OP.return, value, null, null);
  }

  label(name: string): this {
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  /** `struct sock_filter` after `struct sock_filter`: u16 code, u8 jump if true, u8 jump if false, u32 value. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(this.#instructions.length * 8);
    const view = new DataView(bytes.buffer);
    this.#instructions.forEach(({ code, whenTrue, whenFalse, value }, index) => {
      view.setUint16(index * 8, code, true);
      view.setUint8(index * 8 + 2, this.#distance(index, whenTrue));
      view.setUint8(index * 8 + 3, this.#distance(index, whenFalse));
      view.setUint32(index * 8 + 4, value >>> 0, true);
    });
    return bytes;
  }

  #add(code: number, value: number, whenTrue: string | null, whenFalse: string | null): this {
    this.#instructions.push({ code, whenTrue, whenFalse, value });
    return this;
  }

  #distance(from: number, label: string | null): number {
    if (label === null) return 0;
    const distance = (this.#labels.get(label) ?? -1) - from - 1;
    if (distance < 0 || distance > 255) throw new RangeError(`jump to ${label} out of reach`);
    return distance;
  }
}
