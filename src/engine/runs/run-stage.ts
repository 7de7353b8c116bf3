import { access, rm } from 'node:fs/promises';
import type { Sha256 } from '../../base/hash.js';
import { acquireLock, describeOwner, type Lock, tryLock } from '../../base/locks/lock.js';
import type { ArtifactReader, Manifest } from '../artifacts/artifact.js';
import { commitArtifact, openStaging, setArtifactAside } from '../artifacts/artifact-store.js';
import { openOutputDirectory } from '../artifacts/output-directory.js';
import { preimageJson } from '../flow/fingerprint.js';
import type { GraphNode } from '../flow/graph.js';
import type { Inputs, NodeResolver, Resolution, ResolveContext } from '../flow/resolve-node.js';
import type { StageResult } from '../stage.js';
import { hasWork, openWorkDirectory } from '../work-directory.js';
import type { StageEvent } from './event.js';
import type { Journal } from './journal.js';

export interface StageRun<Services> extends ResolveContext<Services> {
  readonly run: string;
  readonly version: string;
  readonly journal: Journal;
  readonly resolver: NodeResolver<Services>;
  readonly keepWork: boolean;
  readonly takeOver: boolean;
}

export interface StageEnd {
  readonly outcome: 'done' | 'cached';
  readonly artifact: ArtifactReader;
}

/**
 * Makes one node's artifact, or finds that it is there by now. Takes the fingerprint's lock (waiting for another run that
 * makes the same), looks again, runs the stage, commits. Throws what the stage throws; its work directory then stays.
 */
export async function runStage<Services>(
  context: StageRun<Services>,
  node: GraphNode<Services>,
  inputs: Inputs,
  missed: Extract<Resolution, { state: 'run' }>,
): Promise<StageEnd> {
  const { state, journal, signal } = context;
  const { fingerprint } = missed;
  const path = state.lock(fingerprint);
  const lock = await acquireLock(path, {
    signal,
    takeOver: context.takeOver,
    onWaiting: (record, liveness) => {
      const owner = describeOwner(path, record, liveness);
      journal.emit({ type: 'stage-waiting', stage: node.name, fingerprint, owner });
    },
  });
  try {
    const now = await context.resolver.resolve(node, inputs, missed.reason === 'forced');
    if (now.state === 'cached') return { outcome: 'cached', artifact: now.artifact };
    if (now.reason === 'damaged') {
      const aside = await setArtifactAside(state, node.stage.name, fingerprint, lock.nonce);
      const message = `${now.why.join('; ')}. It was moved to ${aside} and is made again.`;
      journal.emit({ type: 'log', stage: node.name, level: 'warn', message });
    }
    return { outcome: 'done', artifact: await makeArtifact(context, node, inputs, fingerprint, now.why, lock) };
  } finally {
    await lock.release();
  }
}

async function makeArtifact<Services>(
  context: StageRun<Services>,
  node: GraphNode<Services>,
  inputs: Inputs,
  fingerprint: Sha256,
  why: readonly string[],
  lock: Lock,
): Promise<ArtifactReader> {
  const { state, journal, signal, seed, services } = context;
  const startedAt = new Date();
  const started = performance.now();
  const workFolder = state.work(fingerprint);
  const resumed = await hasWork(workFolder);
  const reason = why.length > 3 ? [...why.slice(0, 3), `and ${why.length - 3} more`] : why;
  journal.emit({ type: 'stage-started', stage: node.name, fingerprint, why: reason.join('; '), resumed });

  const staging = await openStaging(state, fingerprint, lock.nonce);
  const work = await openWorkDirectory(workFolder);
  const output = openOutputDirectory(staging);
  let running = true;
  const emit = (event: StageEvent): void => {
    // A callback that comes late must not write into the events of the next stage.
    if (running) journal.emit({ ...event, stage: node.name });
  };
  try {
    let result: StageResult;
    try {
      const { params } = node;
      result = await node.stage.run({ params, seed, inputs, work, output, services, signal, emit });
      await output.close();
    } finally {
      running = false;
      await work.close();
    }
    signal.throwIfAborted();
    const preimage = preimageJson(await context.resolver.preimage(node, inputs));
    const artifact = await commitArtifact({
      state,
      staging,
      facts: {
        stage: node.stage.name,
        fingerprint,
        preimage,
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
      },
      signal,
      assertHeld: lock.assertHeld,
    });
    if (!context.keepWork) await rm(workFolder, { recursive: true, force: true });
    return artifact;
  } catch (error) {
    await output.close().catch(() => undefined);
    await rm(staging, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes the work of a stage whose run was killed between the commit and its tidying up. */
export async function removeFinishedWork<Services>(context: StageRun<Services>, fingerprint: Sha256): Promise<void> {
  const { state, signal } = context;
  const left = await access(state.work(fingerprint)).then(
    () => true,
    () => false,
  );
  if (!left) return;
  // Somebody who holds the lock is making the artifact again and still needs the folder.
  const lock = await tryLock(state.lock(fingerprint), signal);
  if (lock === undefined) return;
  await rm(state.work(fingerprint), { recursive: true, force: true });
  await lock.release();
}

function inputFacts(inputs: Inputs): Manifest['inputs'] {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { manifest }]) => {
      const { stage, fingerprint, digest } = manifest;
      return [name, { stage, fingerprint, digest }];
    }),
  );
}
