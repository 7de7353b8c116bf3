import { exists } from '../../base/files/if-there.js';
import type { Sha256 } from '../../base/hash.js';
import {
  type AcquireOptions,
  acquireLock,
  describeOwner,
  type Lock,
  type LockRecord,
  type LockTimes,
  tryLock,
} from '../../base/locks/lock.js';
import type { Liveness } from '../../base/processes/process-owner.js';
import type { ArtifactReader } from '../artifacts/artifact.js';
import { setAside } from '../artifacts/artifact-store.js';
import { abandonStaging, commitArtifact, recoverStaging } from '../artifacts/commit.js';
import type { ManifestFacts } from '../artifacts/manifest.js';
import { openOutputDirectory } from '../artifacts/output-directory.js';
import { openStaging, stagedFiles } from '../artifacts/staging.js';
import { preimageJson } from '../flow/fingerprint.js';
import type { GraphNode } from '../flow/graph.js';
import { givenToRead } from '../flow/read-files.js';
import {
  type Inputs,
  isSeeded,
  type NodeResolver,
  type Resolution,
  type ResolveContext,
} from '../flow/resolve-node.js';
import type { StageContext, StageResult } from '../stage.js';
import { hasWork, moveWorkAway, openWorkDirectory, removeWork, workFolder } from '../work-directory.js';
import type { ProgressEvent } from './event.js';
import type { Journal } from './journal.js';
import type { Leases } from './leases.js';
import { throttleProgress } from './progress-throttle.js';
import type { Sweep } from './sweep.js';
import { watchInputs } from './watched-inputs.js';

export interface StageRun<Services> extends ResolveContext<Services> {
  readonly run: string;
  readonly version: string;
  readonly journal: Journal;
  readonly leases: Leases;
  readonly resolver: NodeResolver<Services>;
  readonly sweep: Sweep;
  readonly keepWork: boolean;
  readonly takeOver: boolean;
  readonly lockTimes?: LockTimes | undefined;
  readonly progressEveryMs: number;
}

export interface StageEnd {
  readonly outcome: 'done' | 'cached';
  readonly artifact: ArtifactReader;
}

/**
 * Makes one node's artifact, or finds that it is there by now. Takes the fingerprint's lock (waiting for another run that
 * makes the same), finishes or undoes what a killed run has left, looks again, runs the stage, commits. Throws what the stage
 * throws; its work directory then stays.
 */
export async function runStage<Services>(
  context: StageRun<Services>,
  node: GraphNode<Services>,
  inputs: Inputs,
  missed: Extract<Resolution, { state: 'run' }>,
  onProgress: (progress: ProgressEvent) => void,
): Promise<StageEnd> {
  const { state, journal, leases, sweep } = context;
  const { fingerprint } = missed;
  const announce = (record: LockRecord, liveness: Liveness): void => {
    journal.emit({ type: 'stage-waiting', stage: node.name, fingerprint, owner: describeOwner(record, liveness) });
  };
  const { signal, takeOver, lockTimes: times } = context;
  // Who puts the same bytes in their place is done in a moment, unless nobody can see what has become of it.
  const waiting: AcquireOptions = {
    signal,
    takeOver,
    times,
    onWaiting: (record, liveness) => {
      if (liveness === 'unknown') announce(record, liveness);
    },
  };
  const lock = await acquireLock(state.lock(fingerprint), { ...waiting, onWaiting: announce });
  const warn = (message: string): void => {
    journal.emit({ type: 'log', stage: node.name, level: 'warn', message });
  };
  try {
    await leases.work(fingerprint);
    if (lock.takenOver) {
      warn('took the stage over from an owner that gave no sign of life; if it still runs, it stops when it sees this');
      await moveWorkAway(state, fingerprint);
    }
    const work = await workFolder(state, fingerprint);
    await recoverStaging(state, fingerprint, work, waiting);
    if (sweep.failed.has(fingerprint)) throw sweep.failed.get(fingerprint);
    const now = await context.resolver.resolve(
      node,
      inputs,
      missed.reason === 'forced' && !sweep.made.has(fingerprint),
    );
    if (now.state === 'cached') {
      if (!context.keepWork) await removeWork(state, fingerprint);
      return { outcome: 'cached', artifact: now.artifact };
    }
    if (now.reason === 'damaged') {
      const aside = await setAside(state, node.stage.name, fingerprint, waiting);
      warn(`${now.why.join('; ')}. It was moved to ${aside} and is made again.`);
    }
    const attempt = { ...context, signal: AbortSignal.any([context.signal, lock.lost]) };
    const artifact = await makeArtifact(attempt, node, inputs, {
      fingerprint,
      why: now.why,
      lock,
      work,
      waiting,
      onProgress,
    }).catch((error: unknown) => {
      if (!attempt.signal.aborted) sweep.failed.set(fingerprint, error);
      throw error;
    });
    sweep.made.add(fingerprint);
    return { outcome: 'done', artifact };
  } finally {
    await lock.release();
  }
}

interface Attempt {
  readonly fingerprint: Sha256;
  readonly why: readonly string[];
  readonly lock: Lock;
  readonly work: string;
  /** How to wait for other locks than this one. */
  readonly waiting: AcquireOptions;
  readonly onProgress: (progress: ProgressEvent) => void;
}

async function makeArtifact<Services>(
  context: StageRun<Services>,
  node: GraphNode<Services>,
  inputs: Inputs,
  { fingerprint, why, lock, work: workRoot, waiting, onProgress }: Attempt,
): Promise<ArtifactReader> {
  const { state, journal, signal, services, keepWork } = context;
  const startedAt = new Date();
  const started = performance.now();
  const resumed = await hasWork(state, fingerprint);
  const reason = why.length > 3 ? [...why.slice(0, 3), `and ${why.length - 3} more`] : why;
  journal.emit({ type: 'stage-started', stage: node.name, fingerprint, why: reason.join('; '), resumed });

  const watched = await watchInputs(state, inputs);
  const work = await openWorkDirectory(workRoot);
  const staging = await openStaging({ state, fingerprint, nonce: lock.nonce, work: workRoot, keepWork });
  const output = openOutputDirectory(stagedFiles(staging), (name, from) => staging.adopt(name, from, signal));
  const throttle = throttleProgress((event) => {
    journal.emit({ ...event, stage: node.name });
    if (event.type === 'progress') onProgress(event);
  }, context.progressEveryMs);
  try {
    let result: StageResult;
    try {
      const { params } = node;
      result = await node.stage.run(
        withSeed(node, context.seed, {
          params,
          inputs: givenToRead(node.stage, inputs),
          work,
          output,
          services,
          signal,
          emit: throttle.emit,
        }),
      );
      await output.close();
    } finally {
      throttle.end();
      await work.close();
      await staging.close();
    }
    signal.throwIfAborted();
    const facts: ManifestFacts = {
      stage: node.stage.name,
      fingerprint,
      preimage: preimageJson(await context.resolver.preimage(node, inputs)),
      inputs: inputFacts(inputs),
      counts: result.counts,
      reasons: result.reasons ?? {},
      metrics: result.metrics ?? {},
      tools: result.tools ?? {},
      tokens: result.tokens ?? { input: 0, output: 0 },
      cost_usd: result.cost_usd ?? 0,
      started_at: startedAt.toISOString(),
      seconds: Math.round(performance.now() - started) / 1000,
      run: context.run,
      secpi: context.version,
    };
    const assertSound = async (): Promise<void> => {
      await watched.assertUnchanged(signal);
      await context.resolver.assertPinsHold(node);
      await lock.assertHeld();
    };
    const { references } = output;
    const artifact = await commitArtifact({ ...context, ...waiting, signal, staging, facts, references, assertSound });
    if (!keepWork) await removeWork(state, fingerprint);
    return artifact;
  } catch (error) {
    await output.close().catch(() => undefined);
    // Whatever went wrong: if the lock is gone that is why, and what lies there is its new owner's business.
    await lock.assertHeld();
    await abandonStaging(staging, workRoot).catch(() => undefined);
    throw error;
  }
}

/** The seed decides the bytes of some stages only: one that reads it without saying so would be cached wrongly. */
function withSeed<Services>(
  node: GraphNode<Services>,
  seed: number,
  rest: Omit<StageContext<unknown, string, Services>, 'seed'>,
): StageContext<unknown, string, Services> {
  return {
    ...rest,
    get seed() {
      if (isSeeded(node)) return seed;
      throw new TypeError(`${node.name} uses the seed, but its stage does not say that it is seeded`);
    },
  };
}

/** Removes the work of a stage whose run was killed between the commit and its tidying up. */
export async function removeFinishedWork<Services>(context: StageRun<Services>, fingerprint: Sha256): Promise<void> {
  const { state, signal } = context;
  if (!(await exists(await workFolder(state, fingerprint)))) return;
  // Somebody who holds the lock is making the artifact again and still needs the folder.
  const lock = await tryLock(state.lock(fingerprint), signal);
  if (lock === undefined) return;
  try {
    await removeWork(state, fingerprint);
  } finally {
    await lock.release();
  }
}

function inputFacts(inputs: Inputs): ManifestFacts['inputs'] {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { manifest }]) => {
      const { stage, fingerprint, digest } = manifest;
      return [name, { stage, fingerprint, digest }];
    }),
  );
}
