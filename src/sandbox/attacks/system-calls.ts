import { type Attack, nothingWorked } from './attack.js';

/** Numbers of Linux on x86-64 and aarch64, written down once more: what is wrong in the filter's own table is to be seen here. */
const CALL = `
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
machine = 0 if os.uname().machine == "x86_64" else 1
def call(name, numbers, *arguments, expected=errno.EPERM):
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(numbers[machine]), *[ctypes.c_long(a) for a in arguments])
    if answer != -1 or ctypes.get_errno() != expected: print(name)
`;

/** Against the filter of system calls. */
export const SYSTEM_CALLS: readonly Attack[] = [
  {
    name: 'make calls that are refused',
    needsSeccomp: true,
    // Arguments that a kernel without the filter would answer otherwise.
    program: `${CALL}
for name, x64, arm64 in (
    ("process_vm_readv", 310, 270), ("process_vm_writev", 311, 271), ("pidfd_getfd", 438, 438), ("kcmp", 312, 272),
    ("process_madvise", 440, 440), ("memfd_create", 319, 279), ("memfd_secret", 447, 447),
    ("shmget", 29, 194), ("semget", 64, 190), ("msgget", 68, 186),
    ("io_uring_setup", 425, 425), ("io_uring_enter", 426, 426), ("io_uring_register", 427, 427),
    ("add_key", 248, 217), ("request_key", 249, 218), ("keyctl", 250, 219),
    ("bpf", 321, 280), ("perf_event_open", 298, 241), ("userfaultfd", 323, 282), ("fanotify_init", 300, 262),
    ("mount", 165, 40), ("umount2", 166, 39), ("pivot_root", 155, 41), ("chroot", 161, 51), ("open_tree", 428, 428),
    ("move_mount", 429, 429), ("fsopen", 430, 430), ("fsmount", 432, 432), ("mount_setattr", 442, 442),
    ("setns", 308, 268), ("unshare", 272, 97), ("name_to_handle_at", 303, 264), ("open_by_handle_at", 304, 265),
    ("init_module", 175, 105), ("finit_module", 313, 273), ("kexec_load", 246, 104), ("syslog", 103, 116),
    ("migrate_pages", 256, 238), ("move_pages", 279, 239), ("swapon", 167, 224), ("acct", 163, 89), ("quotactl", 179, 60),
    ("settimeofday", 164, 170), ("clock_settime", 227, 112), ("adjtimex", 159, 171),
): call(name, (x64, arm64), 0, 0, 0, 0, 0, 0)
call("clone3", (435, 435), 0, 0, expected=errno.ENOSYS)
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    call("clone with a namespace", (56, 220), flag | 17, 0, 0, 0, 0)
call("huge pages", (9, 222), 0, 1 << 21, 3, 0x40022, -1, 0)
for request in (0x5412, 0x541c, 0x5412 | 1 << 32):
    call("type into a terminal", (16, 29), 0, request, 0)
`,
    judge: nothingWorked,
  },
  {
    name: 'make calls of another architecture',
    needsSeccomp: true,
    program: `
import ctypes, mmap
if os.uname().machine != "x86_64": sys.exit()
# getpid: int 0x80 of 32 bits, and that of x32.
for name, code in (("32 bits", b"\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3"), ("x32", b"\\xb8\\x27\\0\\0\\x40\\x0f\\x05\\xc3")):
    child = os.fork()
    if child == 0:
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(code)
        at = ctypes.addressof(ctypes.c_char.from_buffer(page))
        ctypes.CFUNCTYPE(ctypes.c_int)(at)()
        os._exit(0)
    if not os.WIFSIGNALED(os.waitpid(child, 0)[1]): print(name)
`,
    judge: nothingWorked,
  },
];
