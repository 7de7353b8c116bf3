import type { Pin } from '../sources/pinned-source.js';

/** The program that judges regular expressions: 30 MB, which mirrors may lack. */
export const RECHECK = 'third_party/recheck-linux-x64';

/** The benchmark that verdicts are about, and what of it is taken. */
export const PIN = {
  suite: 'cweval',
  title: 'CWEval',
  repository: 'https://github.com/Co1lin/CWEval.git',
  commit: 'e9a2a124c8c53679b6d8d27adfd2f6c40e7576d7',
  tree: '53bff27eba11fc0cb4241f0723f5517c0f50de1b',
  folders: {
    benchmark: '072b4534d2b3bbc6b297bcabafad949aa1b2e2db',
    cweval: '5db5eff859a1ff9da7adee75409d06929b2f79a9',
  },
  files: {
    LICENSE: '261eeb9e9f8b2b4b0d119366dda99c6fd7d35c64',
    'go.mod': 'fde632367f673378dee7b0cc0ccefb2216b8dfce',
    'go.sum': 'fe4f83d544b9cf01ca5ff3f5ff0e62195b969c30',
  },
  optional: {
    [RECHECK]: '40f6d26dd75048e0db17badfee8a1a51efb5c45f',
  },
} as const satisfies Pin;
