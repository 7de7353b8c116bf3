import { readdirSync, readFileSync } from 'node:fs';
import { type Attack, nothingWorked, TRIED } from './attack.js';

/** Everything that steers a process, tried on the first one. */
const STEER_FIRST = `${TRIED}
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for p in ("/proc/1/mem", "/proc/1/task/1/mem"):
    tried(p, lambda: open(p, "r+b"))
for p in ("/proc/1/environ", "/proc/1/maps", "/proc/1/root/usr/bin/env"):
    tried(p, lambda: open(p, "rb").read(1))
for p in ("/proc/1/fd", "/proc/1/task", "/proc/1/map_files"):
    tried(p, lambda: os.listdir(p)[0])
for name, request in (("attach", 16), ("seize", 0x4206)):
    for pid in (1, 1 | 1 << 32):
        if libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, None) == 0: print(name)
buffer = ctypes.create_string_buffer(8)
class Piece(ctypes.Structure): _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t)]
piece = Piece(ctypes.addressof(buffer), 8)
if libc.process_vm_readv(1, ctypes.byref(piece), 1, ctypes.byref(piece), 1, 0) >= 0: print("process_vm_readv")
import resource
tried("prlimit", lambda: resource.prlimit(1, resource.RLIMIT_CORE, (0, 0)))
`;

/** Against the limits of processes, and those that stand beside a run. */
export const PROCESSES: readonly Attack[] = [
  {
    name: 'keep privileges',
    program: `
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
    if int(status[name], 16) != 0: print(name)
if status["NoNewPrivs"] != "1": print("new privileges")
if os.getuid() == 0 or os.geteuid() == 0: print("root")
if 0 in os.getgroups(): print("root group")
`,
    judge: nothingWorked,
  },
  {
    name: 'make a user namespace',
    program: `
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000) == 0: print("unshare")
`,
    judge: nothingWorked,
  },
  {
    name: 'fork bomb',
    program: `
import time
started = 0
try:
    while started < 2000:
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        started += 1
except OSError:
    pass
print(started, flush=True)
os._exit(0)
`,
    run: { limits: { processes: 64 } },
    judge: ({ stdout }) => {
      const started = Number.parseInt(stdout, 10);
      return { ok: started > 0 && started <= 64, detail: `${started} processes of 64 allowed` };
    },
  },
  {
    name: 'leave a process behind',
    program: `
import signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() != 0: os._exit(0)
    for s in (signal.SIGTERM, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)
    print("left", flush=True)
    time.sleep(60)
    os._exit(0)
time.sleep(0.2)
`,
    judge: ({ stdout }, _, marker) => {
      const left = processesWith(marker);
      if (left > 0) return { ok: false, detail: `${left} still alive` };
      return stdout === 'left\n' ? { ok: true, detail: 'gone with the run' } : { ok: false, detail: 'did not start' };
    },
  },
  {
    name: 'outlive the clock',
    program: `
import signal
for s in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM): signal.signal(s, signal.SIG_IGN)
while True: signal.pause()
`,
    run: { limits: { wallSeconds: 0.5 } },
    // What also ends a run is that it may take so long to start, which is much longer.
    judge: ({ ending, seconds }) => ({
      ok: ending.how === 'timed-out' && seconds < 30,
      detail: `${ending.how} after ${Math.round(seconds)} s`,
    }),
  },
  {
    name: 'flood the output',
    program: 'while True: os.write(1, b"x" * 65536)',
    run: { limits: { outputBytes: 100_000 } },
    judge: ({ ending, stdout }) => ({
      ok: ending.how === 'output-limit' && stdout.length <= 100_000,
      detail: `${ending.how} after ${stdout.length} bytes`,
    }),
  },
  { name: 'steer the first process', program: STEER_FIRST, judge: nothingWorked },
  {
    name: 'end other processes',
    needsIsolation: true,
    program: `
import signal
for signal_number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
    try: os.kill(1, signal_number)
    except OSError: pass
print("still here", flush=True)
os.kill(-1, signal.SIGKILL)
`,
    judge: ({ stdout, ending }) => ({ ok: stdout === 'still here\n', detail: ending.how }),
  },
  {
    name: 'become another user',
    program: `${TRIED}
for uid in (0, 1, 1000, os.getuid() + 1):
    tried("user %d" % uid, lambda: os.setuid(uid))
    tried("group %d" % uid, lambda: os.setgid(uid))
tried("groups", lambda: os.setgroups([0]))
`,
    judge: nothingWorked,
  },
];

/** How many processes of this machine have a word in their command line. */
function processesWith(word: string): number {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(word);
    } catch {
      return false;
    }
  }).length;
}
