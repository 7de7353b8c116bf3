import type { Redactor } from '../../../base/redact.js';
import type { AnswerStore } from '../../answers/answer-store.js';
import type { ModelSpec } from '../../model-spec.js';
import type { Budget } from '../budget.js';
import type { Clock } from '../clock.js';
import type { Hopes } from '../hopes.js';
import type { Ledger } from '../ledger.js';
import type { Notices } from '../notices.js';
import { type BatchApi, openBatchApi } from './batch-api.js';
import { BatchBuyer } from './batch-buyer.js';
import { BatchDesk } from './batch-desk.js';
import { BatchFolder } from './batch-folder.js';

export interface BatchesOptions {
  /** The model's name in the recipe, for messages. */
  readonly name: string;
  readonly spec: ModelSpec;
  readonly endpoint: string;
  /** Throws `models/no-key`. */
  readonly apiKey: () => string | undefined;
  /** Where the model's answers lie. */
  readonly folder: string;
  readonly store: AnswerStore;
  readonly ledger: Ledger;
  readonly budget: Budget | undefined;
  readonly hopes: Hopes;
  readonly clock: Clock;
  readonly notices: Notices;
  /** Takes this key out of texts. */
  readonly redactorFor: (apiKey: string | undefined) => Redactor;
}

/** A model that is asked in batches. */
export function openBatches(options: BatchesOptions): Pick<BatchBuyer, 'buy'> & AsyncDisposable {
  const { name, spec, endpoint, store, ledger, clock, notices } = options;
  let api: BatchApi | undefined;
  const open = (): BatchApi => {
    const apiKey = options.apiKey();
    return openBatchApi({
      endpoint,
      apiKey,
      timeoutSeconds: spec.timeout_seconds,
      idleTimeoutSeconds: spec.idle_timeout_seconds,
      redact: options.redactorFor(apiKey),
    });
  };
  const { requests, megabytes, at_once, poll_seconds } = spec.batch;
  const desk = new BatchDesk(
    {
      name,
      endpoint,
      api: () => {
        api ??= open();
        return api;
      },
      folder: new BatchFolder(options.folder),
      store,
      ledger,
      clock,
      notices,
      pollSeconds: poll_seconds,
      saturationSeconds: spec.saturation_seconds,
    },
    { requests, bytes: megabytes * 1e6 },
    at_once,
  );
  const { budget, hopes } = options;
  const buyer = new BatchBuyer({
    name,
    desk,
    hopes,
    ledger,
    budget,
    retries: spec.retries,
    model: spec.model,
    furtherFields: spec.request,
  });
  return {
    buy: (...asked) => buyer.buy(...asked),
    async [Symbol.asyncDispose]() {
      await desk[Symbol.asyncDispose]();
      await api?.close();
    },
  };
}
