import { HUGGING_FACE, type Hub, hubAddress } from './hub.js';
import type { HubOptions } from './open-hub.js';

/** The Hub, opened with the first question to it: most runs ask it nothing, and its client takes longer to load than they do. */
export function lazyHub(options: HubOptions): Hub {
  let opened: Promise<Hub> | undefined;
  const hub = (): Promise<Hub> => {
    opened ??= import('./open-hub.js').then(({ openHub }) => openHub(options));
    return opened;
  };
  return {
    url: hubAddress(options.hubUrl ?? HUGGING_FACE),
    resolve: async (...given) => (await hub()).resolve(...given),
    list: async (...given) => (await hub()).list(...given),
    download: async (...given) => (await hub()).download(...given),
    read: async (...given) => (await hub()).read(...given),
    head: async (...given) => (await hub()).head(...given),
    push: async (...given) => (await hub()).push(...given),
  };
}
