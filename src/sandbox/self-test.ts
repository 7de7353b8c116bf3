/** Attacks in miniature, run for real: what a sandbox promises is tried out on this machine, with this kernel. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../base/errors.js';
import type { Sandbox, SandboxResult, SandboxRun } from './sandbox.js';

export interface SelfTestResult {
  readonly name: string;
  /** False: the attack worked, or could not be tried. */
  readonly ok: boolean;
  /** What was seen, in a few words. */
  readonly detail: string;
}

/** What the attacks aim at on the host. */
interface Target {
  /** A random word that must never be seen from inside. */
  readonly canary: string;
  /** A file that holds it, in a place every user may read. */
  readonly file: string;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly socketName: string;
  connections: number;
}

interface Attack {
  readonly name: string;
  /** A Python program; `target` is defined in it. */
  readonly program: string;
  readonly run?: Partial<SandboxRun>;
  /** Only tried when the system-call filter is in place. */
  readonly needsSeccomp?: boolean;
  readonly judge: (result: SandboxResult, target: Target) => { readonly ok: boolean; readonly detail: string };
}

/**
 * Runs every attack, one after the other (a few seconds). All `ok` means that the sandbox holds what it promises. Needs
 * Python in the sandbox.
 */
export async function selfTest(sandbox: Sandbox, signal: AbortSignal): Promise<readonly SelfTestResult[]> {
  if (sandbox.toolchains.python === undefined) {
    return [{ name: 'attacks', ok: false, detail: 'not tried: they are written in Python, which is missing' }];
  }
  const folder = mkdtempSync(join(tmpdir(), 'secpi-self-test-'));
  const canary = randomBytes(16).toString('hex');
  const socketName = `secpi-${canary.slice(0, 12)}`;
  const count = (): void => {
    target.connections += 1;
  };
  const servers = [createServer(count), createServer(count)] as const;
  const target: Target = {
    canary,
    file: join(folder, 'canary'),
    addresses: [
      '127.0.0.1',
      ...Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []),
    ],
    port: await listen(servers[0], 0),
    socketName,
    connections: 0,
  };
  try {
    await listen(servers[1], `\0${socketName}`);
    chmodSync(folder, 0o755);
    writeFileSync(target.file, canary, { mode: 0o644 });
    const results: SelfTestResult[] = [];
    for (const attack of ATTACKS) {
      if (attack.needsSeccomp === true && !sandbox.level.seccomp) continue;
      results.push(await tryOut(attack, sandbox, target, signal));
    }
    return results;
  } finally {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tryOut(attack: Attack, sandbox: Sandbox, target: Target, signal: AbortSignal): Promise<SelfTestResult> {
  const { file, addresses, port, socketName } = target;
  const known = JSON.stringify({ file, addresses, port, socket: socketName, home: process.env.HOME ?? '/root' });
  const program = `import os, sys, json\ntarget = json.loads(sys.argv[1])\n${attack.program}`;
  try {
    const result = await sandbox.run(
      {
        toolchain: 'python',
        argv: ['python3', '-I', '-c', program, known],
        files: [],
        ...attack.run,
        limits: { wallSeconds: 20, ...attack.run?.limits },
      },
      signal,
    );
    return { name: attack.name, ...attack.judge(result, target) };
  } catch (error) {
    signal.throwIfAborted();
    return { name: attack.name, ok: false, detail: messageOf(error) };
  }
}

/** `tried(f)` in an attack prints the name of everything that worked; nothing may. */
const TRIED = `
def tried(name, action):
    try:
        action()
        print(name)
    except (OSError, ValueError, MemoryError, PermissionError):
        pass
`;

const nothingWorked: Attack['judge'] = ({ stdout, stderr, ending }) => {
  const worked = stdout.trim().split('\n').join(', ');
  if (worked !== '') return { ok: false, detail: `worked: ${worked}` };
  if (ending.how === 'exited' && ending.exitCode === 0) return { ok: true, detail: 'all refused' };
  return { ok: false, detail: `not tried to the end: ${stderr.trim().split('\n').pop() ?? ending.how}` };
};

const ATTACKS: readonly Attack[] = [
  {
    name: 'reach the network',
    program: `${TRIED}
import socket
for a in target["addresses"]:
    tried(a, lambda: socket.create_connection((a, target["port"]), 0.5))
s = socket.socket(socket.AF_UNIX)
tried("abstract socket", lambda: s.connect("\\0" + target["socket"]))
`,
    judge: (result, target) =>
      target.connections > 0
        ? { ok: false, detail: `${target.connections} connections reached the host` }
        : nothingWorked(result, target),
  },
  {
    name: 'read host files',
    program: `${TRIED}
for p in [target["file"], "/proc/1/root" + target["file"], "/etc/shadow", "/etc/hostname", "/proc/kcore", "/dev/mem"]:
    tried(p, lambda: open(p, "rb").read(1))
for p in [target["home"], "/root", "/home", "/var", "/run", "/sys", "/mnt"]:
    tried(p, lambda: os.listdir(p)[0]) if os.path.isdir(p) and os.listdir(p) and p != os.environ["HOME"] else None
`,
    judge: nothingWorked,
  },
  {
    name: 'read host environment and processes',
    program: `
for p in os.listdir("/proc"):
    if p.isdigit():
        for name in ("environ", "cmdline"):
            try:
                print(open("/proc/%s/%s" % (p, name), "rb").read().replace(b"\\0", b"\\n").decode("utf-8", "replace"))
            except OSError:
                pass
`,
    judge: ({ stdout }) => {
      const own = ['PATH', 'LANG', 'TZ', 'PWD', 'HOME', 'TMPDIR', 'SHLVL', '_'];
      const seen = Object.entries(process.env)
        .filter(
          ([name, value]) => !own.includes(name) && (value ?? '').length >= 8 && stdout.includes(`${name}=${value}`),
        )
        .map(([name]) => name);
      if (seen.length > 0) return { ok: false, detail: `sees ${seen.join(', ')}` };
      return { ok: stdout.includes('PATH='), detail: 'sees only its own' };
    },
  },
  {
    name: 'use inherited descriptors',
    program: `
for fd in os.listdir("/proc/self/fd"):
    try:
        where = os.readlink("/proc/self/fd/" + fd)
    except OSError:
        continue
    if int(fd) > 2 and where != "/dev/null" and not where.startswith("/proc/"):
        print(where)
`,
    judge: nothingWorked,
  },
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
    name: 'write outside the work folder',
    program: `${TRIED}
for p in ["/", "/usr", "/usr/bin", "/etc", "/dev", "/bin", "/opt", "/proc", os.path.dirname(target["file"])]:
    tried(p, lambda: open(p + "/secpi-was-here", "w"))
tried("core pattern", lambda: open("/proc/sys/kernel/core_pattern", "w"))
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
    judge: ({ stdout }, target) => {
      const left = processesWith(target.socketName);
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
    judge: ({ ending }) => ({ ok: ending.how === 'timed-out', detail: ending.how }),
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
    name: 'plant links for the host to read',
    program: `
os.symlink(target["file"], "link")
os.symlink(os.path.dirname(target["file"]), "folder")
os.mkfifo("pipe")
`,
    run: { collect: ['link', 'folder/canary', 'pipe'] },
    judge: ({ collected, ending }) => {
      const read = Object.entries(collected).filter(([, file]) => 'bytes' in file);
      const planted = ending.how === 'exited' && ending.exitCode === 0;
      return {
        ok: planted && read.length === 0,
        detail: read.length === 0 ? 'refused' : `read ${read.map(([p]) => p)}`,
      };
    },
  },
  {
    name: 'open unusual sockets',
    needsSeccomp: true,
    program: `${TRIED}
import socket
for name, family, kind in (("netlink", 16, 3), ("vsock", 40, 1), ("packet", 17, 3), ("alg", 38, 5), ("bluetooth", 31, 3)):
    tried(name, lambda: socket.socket(family, kind))
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

function listen(server: Server, where: 0 | string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    };
    if (where === 0) server.listen(0, done);
    else server.listen(where, done);
  });
}
