import { MAY_END_LATER } from '../sandbox.js';
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
    name: 'take memory in a process that looks ended',
    program: `
import ctypes, threading, time
libc = ctypes.CDLL(None)
def take():
    time.sleep(0.2)
    held = [bytearray(16 << 20) for i in range(16)]
    time.sleep(3)
    print("all of it", flush=True)
    os._exit(0)
threading.Thread(target=take).start()
# The first thread alone: nobody is told what the process holds any more.
libc.syscall({"x86_64": 60, "aarch64": 93}.get(os.uname().machine, 60), 0)
`,
    run: { limits: { memoryBytes: 128 * MIB } },
    judge: ended,
  },
  {
    name: 'take memory in a process that may not be looked at',
    program: `
import ctypes, mmap, time
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
shared = mmap.mmap(-1, 80 << 20)
for at in range(0, 80 << 20, 4096): shared[at] = 1
held = bytearray(100 << 20)
time.sleep(3)
print("all of it")
`,
    run: { limits: { memoryBytes: 128 * MIB } },
    judge: ended,
  },
  {
    name: 'fill the places in memory',
    program: `
import time
block = b"x" * (1 << 20)
for place in ("/tmp", os.environ["HOME"]):
    with open(place + "/large", "wb", 0) as file:
        for i in range(60): file.write(block)
    with open(place + "/nameless", "wb", 0) as file:
        os.unlink(place + "/nameless")
        for i in range(60): file.write(block)
        if place != "/tmp": time.sleep(3)
print("all of it")
`,
    run: { limits: { memoryBytes: 128 * MIB } },
    judge: ended,
  },
  {
    name: 'hide memory in attributes of files',
    program: `
import time
try:
    for i in range(4000):
        path = "/tmp/%d" % i
        open(path, "w").close()
        os.setxattr(path, "user.x", b"x" * 65000)
except OSError:
    if i == 0: os.kill(os.getpid(), 9) # This kernel keeps none here.
time.sleep(3)
print("all of it")
`,
    run: { limits: { memoryBytes: 128 * MIB } },
    judge: ({ ending, stdout }) => ({ ok: ending.how !== 'exited' && stdout === '', detail: ending.how }),
  },
  {
    name: 'end last when memory is out',
    program: `
own = "/proc/self/oom_score_adj"
print(open(own).read().strip())
for value, name in (("-1000", "protected"), ("0", "lowered")):
    try:
        with open(own, "w") as file: file.write(value)
        print(name)
    except OSError: pass
`,
    judge: ({ stdout }, { level }) => {
      const lowered = stdout === '1000\nlowered\n';
      if (lowered && level.notes.includes(MAY_END_LATER)) return { ok: true, detail: 'undone, as the level says' };
      return { ok: stdout === '1000\n', detail: stdout.trim().split('\n').join(', ') };
    },
  },
  {
    name: 'make files without number',
    once: true,
    needsIsolation: true,
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
