import type { PinnedFile } from '../sources/pinned-file.js';

/** The data set whose files these are, and its revision. */
const REVISION = '0fe84c3912ea0c4d4a78037083943e8f0c4dd505';

/** Each holds the problems that a version of the benchmark added, as the Hub lists them. */
const HASHES = {
  'test.jsonl': '2bd02b38beb48e8c46b5b9987095d999ff38cd8efc255ea5d58974317c48f63f',
  'test2.jsonl': '095df7c5daf15f882c51a9deb84085cff1e073495a5dbcf95015a564d485f3a3',
  'test3.jsonl': '28ed26cc83363ce3f1fe2d5fad9f8393077beb1907b167a31bd3b32f80801b79',
  'test4.jsonl': 'd711138ddaebfcf5f8ec6a4283ee677298c0f5c5d374a235af92aaf0584510da',
  'test5.jsonl': '7f77571c2a6df0c2a72a3277650309f67e01e0008e18117e624633df53f81214',
  'test6.jsonl': 'bb4c364f71921c4495a6ad15abe1a927350b720009f4933e2e71f8af0f6fd1f5',
} as const;

const FILES: readonly PinnedFile[] = Object.entries(HASHES).map(([name, sha256]) => ({
  name: `livecodebench-${REVISION.slice(0, 12)}-${name}`,
  address: `https://huggingface.co/datasets/livecodebench/code_generation_lite/resolve/${REVISION}/${name}`,
  sha256,
}));

/** `release_v5`: versions 1 to 5; `v6`: what version 6 added; `v4_v6`: what 4 to 6 did. */
export const VERSION_TAG = /^(?:release_v([1-6])|v([1-6])(?:_v([1-6]))?)$/;

/** The files of a version, in their order. */
export function filesOf(versionTag: string): readonly PinnedFile[] {
  const [, release, first, last] = VERSION_TAG.exec(versionTag) ?? [];
  return release === undefined
    ? FILES.slice(Number(first) - 1, Number(last ?? first))
    : FILES.slice(0, Number(release));
}
