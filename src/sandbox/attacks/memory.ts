import { type Attack, nothingWorked, TRIED } from './attack.js';

const MIB = 1024 * 1024;

const ended: Attack['judge'] = ({ ending, stdout }) => ({
  ok: ending.how === 'memory-limit' && stdout === '',
  detail: stdout === '' ? ending.how : `had ${stdout.trim().split('\n').join(', ')}`,
});

/** Against the limits of memory. */
export const MEMORY: readonly Attack[] = [
  {
    name: 'take too much memory',
    program: `${TRIED}
tried("8 GiB", lambda: bytearray(8 << 30))
for p in ("/tmp", "/dev/shm", os.environ["HOME"]):
    stat = os.statvfs(p)
    if stat.f_blocks * stat.f_frsize > 1 << 29: print(p + " is large")
`,
    judge: nothingWorked,
  },
  {
    name: 'take too much memory with many processes',
    program: `
import time
for i in range(8):
    if os.fork() == 0:
        held = bytearray(40 << 20)
        time.sleep(6)
        os._exit(0)
time.sleep(3)
print("all of it")
`,
    run: { limits: { memoryBytes: 128 * MIB } },
    judge: ended,
  },
  {
    name: 'take memory that nobody counts',
    program: `
import ctypes, mmap, time
libc = ctypes.CDLL(None, use_errno=True)
if hasattr(os, "memfd_create"):
    try: os.memfd_create("x"); print("memfd")
    except OSError: pass
if libc.shmget(0, 1 << 30, 0o1600) >= 0: print("shm")
shared = mmap.mmap(-1, 256 << 20)
for at in range(0, 256 << 20, 1 << 20):
    shared[at:at + (1 << 20)] = b"x" * (1 << 20)
    shared.madvise(4, at, 1 << 20)
time.sleep(2)
print("all of it")
`,
    needsSeccomp: true,
    run: { limits: { memoryBytes: 128 * MIB, addressSpaceBytes: null } },
    judge: ended,
  },
  {
    name: 'make files without number',
    program: `
import time
for place in ("/tmp", os.environ["HOME"]):
    for i in range(100000):
        try: os.symlink("x", "%s/%d" % (place, i))
        except OSError: pass
time.sleep(2)
print("all of them")
`,
    judge: ended,
  },
];
