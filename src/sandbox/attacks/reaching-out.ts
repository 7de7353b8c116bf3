import { type Attack, nothingWorked, TRIED } from './attack.js';

/** Out to the host, its files and its network. */
export const REACHING_OUT: readonly Attack[] = [
  {
    name: 'reach the network',
    program: `${TRIED}
import socket
for a in target["addresses"]:
    tried(a, lambda: socket.create_connection((a, target["port"]), 0.5))
s = socket.socket(socket.AF_UNIX)
tried("abstract socket", lambda: s.connect("\\0" + target["socket"]))
for a in target["addresses"]:
    if "." in a and not a.startswith("127."):
        tried("to " + a, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (a, target["port"])))
tried("a server that names hosts", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("9.9.9.9", 53)))
for line in open("/proc/net/dev").read().splitlines()[2:]:
    if line.split(":")[0].strip() != "lo": print(line.split(":")[0].strip())
`,
    judge: (result, target, marker) =>
      target.connections > 0
        ? { ok: false, detail: `${target.connections} connections reached the host` }
        : nothingWorked(result, target, marker),
  },
  {
    name: 'read host files',
    program: `${TRIED}
for p in [target["file"], "/proc/1/root" + target["file"], "/etc/shadow", "/etc/hostname", "/proc/kcore", "/dev/mem"]:
    tried(p, lambda: open(p, "rb").read(1))
mounts = [line.split(" ")[4] for line in open("/proc/self/mountinfo")]
def seen(p):
    # The way to what toolchains and packs show is nothing of the host's.
    for name in os.listdir(p):
        path = os.path.join(p, name)
        if path in mounts: continue
        if any(m.startswith(path + "/") for m in mounts): seen(path)
        else: print(path)
for p in target["folders"] + ["/root", "/home", "/var", "/run", "/sys", "/mnt"]:
    try: seen(p)
    except OSError: pass
for p in ["/usr/src", "/usr/local/src", "/usr/local/etc"]:
    tried(p, lambda: os.listdir(p))
import subprocess
included = '#include "%s"' % target["file"]
try:
    if subprocess.run(["gcc", "-x", "c", "-E", "-"], input=included, text=True, capture_output=True).returncode == 0: print("compiled in")
except OSError:
    pass
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
    name: 'write outside the work folder',
    program: `${TRIED}
for p in ["/", "/usr", "/usr/bin", "/etc", "/dev", "/bin", "/opt", "/proc", os.path.dirname(target["file"])]:
    tried(p, lambda: open(p + "/secpi-was-here", "w"))
tried("core pattern", lambda: open("/proc/sys/kernel/core_pattern", "w"))
own = ("/box", "/tmp", "/dev/shm", "/proc")
for line in open("/proc/self/mountinfo"):
    p = line.split(" ")[4]
    if p in own or p.startswith("/dev/"): continue
    if not os.statvfs(p).f_flag & os.ST_RDONLY: print(p + " is not read-only")
    tried(p, lambda: open(p + "/secpi-was-here" if os.path.isdir(p) else p, "r+" if os.path.isfile(p) else "w"))
    tried("mode of " + p, lambda: os.chmod(p, 0o777))
for p in os.environ["PATH"].split(":"):
    if not os.path.isdir(p) or p.startswith(own): continue
    for name in os.listdir(p)[:20]: tried(p + "/" + name, lambda: open(p + "/" + name, "r+b"))
`,
    judge: nothingWorked,
  },
  {
    name: 'find devices',
    program: `${TRIED}
import stat
known = "null zero full random urandom tty console ptmx pts shm fd stdin stdout stderr core".split()
for name in os.listdir("/dev"):
    if name not in known: print(name)
for name in ("tty", "console"):
    tried("open " + name, lambda: os.open("/dev/" + name, os.O_RDWR))
for name, kind, device in (("mem", stat.S_IFCHR, os.makedev(1, 1)), ("disk", stat.S_IFBLK, os.makedev(8, 0))):
    for p in ("/box", "/tmp", "/dev/shm"):
        tried("make " + name, lambda: os.mknod(p + "/" + name, kind | 0o600, device))
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
    name: 'hold on to a file that is read back',
    // Who opens a file with a lease on it gets an error, or waits. Nobody is in the session of what is ended first or keeps its output open, and
    // to end so many takes a while.
    program: `
import fcntl, time
with open("held", "w") as f: f.write("x")
f = open("held", "r+")
try:
    fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError:
    pass
for fd in (0, 1, 2): os.close(fd)
for i in range(40):
    if os.fork() == 0:
        os.setsid()
        break
time.sleep(60)
`,
    run: { collect: ['held'], limits: { wallSeconds: 1 } },
    judge: ({ collected: { held } }) => {
      if (held === undefined) return { ok: false, detail: 'not read' };
      return 'bytes' in held ? { ok: true, detail: 'read' } : { ok: false, detail: held.missing };
    },
  },
];
