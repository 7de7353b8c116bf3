import type { Sha256 } from '../base/hash.js';
import type { Json } from '../base/json.js';
import type { Hardware } from '../compute/hardware.js';
import type { Input } from '../compute/places/place.js';
import type { Target } from '../compute/target.js';
import type { PinnedFiles, StageContext, StageDefinition } from '../engine/stage.js';
import type { Hub } from '../hub/hub.js';
import type { ModelLog, OpenModel } from '../models/open-model.js';
import type { ServeSpec } from '../models/serving/serve-spec.js';
import type { HeldSandbox, Sandbox } from '../sandbox/sandbox.js';
import type { SandboxFacts } from '../sandbox/sandbox-facts.js';
import type { Catalogue } from '../security/catalogue.js';
import type { KeptJudgements } from '../suites/judging/kept-judgements.js';
import type { Suite } from '../suites/suite.js';
import type { TunedModel } from './train/estimate/model/base-config.js';

/** What a model is, as it enters fingerprints: never where it runs or what it costs. */
export type ModelPin = {
  readonly identity: string;
  readonly recording: Sha256 | null;
  /** What computes its answers, where a server of ours does: part of the identity, and here to be read. */
  readonly served?: Json;
};

/** How and where a stage wants models served; without a word on this machine, by our own server. */
export interface Serving {
  readonly serve?: ServeSpec | undefined;
  /** A name under the recipe's `compute`. */
  readonly on?: string | undefined;
}

/** A model folder that this stage wants served for a while. */
export interface ServedModel extends Serving {
  /** A full model: weights, tokenizer, chat template. */
  readonly folder: Input;
  /** An adapter for it, which the same server serves too. */
  readonly adapter?: { readonly folder: string; readonly rank: number } | undefined;
  /** Which of the two is asked. */
  readonly asks: 'model' | 'adapter';
  /** Digest of the weights and of what computes with them; addresses the answers. */
  readonly identity: string;
  /** What is served after it: if that is gone, it is said before the first question. */
  readonly next?: Input | undefined;
}

/** Whoever waits for something elsewhere. */
export interface Waiting {
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** What happens there, in words. */
  readonly onNote: (message: string) => void;
}

/** Everything a stage may reach outside its artifacts. Made once, in the command line's `run`, and given to every stage. */
export interface StageServices {
  readonly catalogue: Catalogue;
  /** What the catalogue is, without reading it: enters fingerprints. */
  readonly catalogueDigest: Sha256;
  readonly models: {
    /** A model named under the recipe's `models`. */
    open(name: string, onLog?: (log: ModelLog) => void): Promise<OpenModel>;
    pin(name: string, files: PinnedFiles): Promise<ModelPin>;
    /**
     * A folder of weights, asked through a server that is started when the first answer is not kept yet. Models that are open at the same
     * time share it if they differ in nothing but what is asked.
     */
    serve(model: ServedModel, onLog?: (log: ModelLog) => void): Promise<OpenModel>;
    /** What decides the answers of that server, apart from the weights. */
    servingEnvironment(serving: Serving): Promise<Json>;
  };
  /** A machine named under the recipe's `compute`. */
  target(name: string): Target;
  /** The path here of a folder of an artifact, which is brought here if need be; that is said once. */
  pathHere(folder: Input, waiting: Waiting): Promise<string>;
  /** What trainings compute with there. */
  hardware(target: string): Hardware;
  /** The model that is tuned, as the recipe gives it. */
  readonly tunedModel: TunedModel;
  /** Which machine that is: targets of one machine take turns. */
  machineOf(target: string): string;
  /** `withoutIsolation`: the recipe accepts in words that code runs unsandboxed where no sandbox works. */
  sandbox(options?: { readonly withoutIsolation: boolean }): Promise<Sandbox>;
  /** The sandbox of a machine named under the recipe's `compute`, served from there for as long as it is held. It always isolates. */
  sandboxOn(target: string, waiting: Waiting): Promise<HeldSandbox>;
  /** What the sandbox of this machine is, from memory where that is possible: for whoever only asks, and runs nothing. */
  sandboxFacts(options?: { readonly withoutIsolation: boolean }): Promise<SandboxFacts>;
  suite(name: string): Promise<Suite>;
  /** What that suite is, without loading it: enters fingerprints. */
  suiteDigest(name: string): Promise<Sha256>;
  /** The packs that judging it takes, without loading it. */
  suitePacks(name: string): readonly string[];
  /** What was judged before: of a suite, by its digest, on a bench, by its id. */
  keptJudgements(suite: Sha256, bench: Sha256): Promise<KeptJudgements>;
  /** What programs of this machine that are no part of secpi are started with. */
  readonly programs: Readonly<Record<'PATH' | 'HOME', string>>;
  readonly hub: HubService;
}

/** What stages need of the Hugging Face Hub: all of that room, so its contract stands there. */
export type HubService = Hub;

/** A stage of secpi: the engine's contract with our services filled in. */
export type SecpiStage<Params, Input extends string> = StageDefinition<Params, Input, StageServices>;

/** What the run function of such a stage is given. */
export type StageContextOf<Params, Input extends string> = StageContext<Params, Input, StageServices>;
