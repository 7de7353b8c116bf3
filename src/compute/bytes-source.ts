import { SecpiError } from '../base/errors.js';
import type { BytesElsewhere } from '../engine/artifacts/bytes-elsewhere.js';
import { fetchedCopy, findCopy } from '../engine/artifacts/fetched-object.js';
import type { StateDirectory } from '../engine/state-directory.js';
import type { Place } from './places/place.js';
import { gib, sum } from './sizes.js';

/** Brings here what lies on another machine, once, verified; resolves to its path here. */
export type BringHere = (
  bytes: BytesElsewhere,
  signal: AbortSignal,
  onNote: (message: string) => void,
) => Promise<string>;

/** For who has no state folder, and is given nothing that lies elsewhere. */
export const bringNothing: BringHere = async (bytes) => {
  throw new TypeError(`${lies(bytes)}, and is asked for by who cannot have it`);
};

/** Where bytes of artifacts are had that lie on other machines. */
export interface BytesSource {
  /** Throws `compute/bytes-gone`, `compute/no-way-there`, and what fetching them throws. */
  readonly bringHere: BringHere;
  /** Throws the same when they can be had neither here nor there, as far as that is seen without reading them. */
  assertThere(bytes: BytesElsewhere, signal: AbortSignal): Promise<void>;
}

/** `placeNamed`: how a machine is reached, undefined when nobody knows. Copies lie among the objects of the state folder. */
export function bytesSource(
  state: StateDirectory,
  placeNamed: (machine: string) => Pick<Place, 'store' | 'fetch'> | undefined,
): BytesSource {
  async function placeWith(bytes: BytesElsewhere, signal: AbortSignal): Promise<Pick<Place, 'fetch'>> {
    const place = placeNamed(bytes.machine);
    if (place?.store === undefined) {
      throw new SecpiError('compute/no-way-there', `${lies(bytes)}, and nothing under \`compute\` leads there`, {
        hint: `Add a target with that host, or make it again with \`--force ${bytes.stage}\`.`,
        exitCode: 2,
      });
    }
    if (await place.store.has(bytes, signal)) return place;
    throw new SecpiError('compute/bytes-gone', `${lies(bytes)}, and is not whole there any more`, {
      hint: `Make it again with \`--force ${bytes.stage}\`, or put it back there.`,
    });
  }

  return {
    bringHere: (bytes, signal, onNote) =>
      fetchedCopy(
        state,
        bytes,
        async (into) => {
          const { name, stage, machine, files } = bytes;
          const place = await placeWith(bytes, signal);
          onNote(`bringing ${name} of ${stage} here, ${gib(sum(files))} from ${machine}`);
          await place.fetch(bytes, into, signal).catch((error: unknown) => {
            if (!(error instanceof SecpiError) || !UNLIKE.includes(error.code)) throw error;
            throw new SecpiError(error.code, error.message, {
              hint: `Run the same command again. If it says the same, what lies on ${machine} is not what it was: make it again with \`--force ${stage}\`.`,
              cause: error,
            });
          });
        },
        signal,
      ),
    async assertThere(bytes, signal) {
      if ((await findCopy(state, bytes, signal)) === undefined) await placeWith(bytes, signal);
    },
  };
}

/** What is said of files that arrive otherwise than they should be. */
const UNLIKE = ['compute/transfer-failed', 'job/bad-transfer'];

function lies({ name, stage, machine, path }: BytesElsewhere): string {
  return `${name} of ${stage} lies on ${machine} (${path})`;
}
