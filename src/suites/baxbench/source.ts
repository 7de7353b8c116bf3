import type { Pin } from '../sources/pinned-source.js';

/** Four kilobytes that some mirrors lack. Without them PDFToText cannot be judged. */
export const CORRUPT_PDF = 'src/scenario_files/corrupt.pdf';

/** The benchmark that verdicts are about, and what of it is taken. */
export const PIN = {
  suite: 'baxbench',
  title: 'BaxBench',
  repository: 'https://github.com/logic-star-ai/baxbench.git',
  commit: 'de885cd93d561682e203a5a0d57c33b08aac6f5e',
  tree: 'd0096dffb28e3adaa976148a29d0153cbab61d2d',
  folders: {
    'src/env': '7dff1d9a18b26c7eff850ba732a582155540fdac',
    'src/scenarios': 'a6b30698c078a0bd19a3c90a07cd79fb685d5534',
  },
  files: {
    LICENSE: '301d01b92a876ebadee9f31a1590dbc1121644e5',
    'src/cwes.py': 'd4f10ca23bdbe1a962738b6cf05fb5633e556eb8',
    'src/exploits.py': '97317e40dcf70f54985326a4860cd1cc884ed63d',
    'src/prompts.py': '921d09675903f5da8ab8af1d07c7c64f991370d5',
    'src/scenario_files/__init__.py': 'bfbaa50bb31a3676cd61ca783dd7a4d87fe34a4c',
    'src/scenario_files/corrupted_video.mp4': '12d88f63d8379d46591cd9ead524f3622fa8a191',
    'src/scenario_files/dummy.pdf': '774c2ea70c55104973794121eae56bcad918da97',
    'src/scenario_files/frame.png': '9e54904216e5c7a69da53c7b44a25a0681d1ace4',
    'src/scenario_files/sample.pdf': 'c01805e89c1684e79130151abc23bb80401583a9',
    'src/scenario_files/sample.txt': 'f55ade4cd836a9a051c3b18354212eb225d75290',
    'src/scenario_files/video.mp4': '6f3a5a357c66c90ac47dd33af69d9be73b8e3647',
  },
  optional: { [CORRUPT_PDF]: 'dddde44646df74e7795219ee62ca91b849a975de' },
} as const satisfies Pin;
