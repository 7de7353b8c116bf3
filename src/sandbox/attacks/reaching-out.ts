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
    program: `
import fcntl
with open("held", "w") as f: f.write("x")
f = open("held", "r+")
try:
    fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
except OSError:
    pass
if os.fork() == 0:
    import time
    os.setsid()
    time.sleep(60)
os._exit(0)
`,
    run: { collect: ['held'] },
    judge: ({ collected: { held } }) => ({
      ok: held !== undefined,
      detail: held !== undefined && 'missing' in held ? held.missing : 'read',
    }),
  },
];
