import { type Attack, nothingWorked, TRIED } from './attack.js';

const MIB = 1024 * 1024;

/** Against the limits that each process has. */
export const LIMITS: readonly Attack[] = [
  {
    name: 'raise its limits',
    program: `${TRIED}
import resource
for name in ("CPU", "FSIZE", "NPROC", "NOFILE", "CORE", "MEMLOCK", "MSGQUEUE"):
    which = getattr(resource, "RLIMIT_" + name, 12) # Python has no name for the last.
    soft, hard = resource.getrlimit(which)
    if hard == resource.RLIM_INFINITY: print(name + " has none")
    tried("more " + name, lambda: resource.setrlimit(which, (hard, hard + 1)))
    if name in ("CORE", "MEMLOCK", "MSGQUEUE") and hard != 0: print(name)
`,
    judge: nothingWorked,
  },
  {
    name: 'use up the processor',
    once: true,
    program: `
import signal
signal.signal(signal.SIGXCPU, lambda *_: (print("told", flush=True), os._exit(0)))
while True: pass
`,
    run: { limits: { cpuSeconds: 1 } },
    judge: ({ stdout, ending }) => ({ ok: stdout === 'told\n', detail: stdout === '' ? ending.how : 'ended' }),
  },
  {
    name: 'write a large file',
    program: `${TRIED}
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
block = b"x" * (1 << 20)
for p in ("/tmp", "/box", "/dev/shm"):
    with open(p + "/large", "wb", 0) as file:
        for i in range(3):
            try: file.write(block)
            except OSError: break
        tried("longer in " + p, lambda: file.truncate(1 << 30))
        if os.fstat(file.fileno()).st_size > 2 << 20: print("large in " + p)
        tried("room in " + p, lambda: os.posix_fallocate(file.fileno(), 0, 1 << 30))
`,
    run: { limits: { fileBytes: 2 * MIB } },
    judge: nothingWorked,
  },
  {
    name: 'open files without number',
    program: `
held = []
try:
    while len(held) < 4096: held.append(os.open("/dev/null", os.O_RDONLY))
    print("opened")
except OSError: pass
`,
    judge: nothingWorked,
  },
];
