import type { ModelServer } from './model-server.js';

/** Servers of one process: who asks for the same at the same time shares one. */
export class SharedServers {
  readonly #held = new Map<string, { readonly server: ModelServer; holders: number }>();

  /** The server of that name, made by `make` if nobody holds it. It ends when everybody who got it here has disposed of theirs. */
  hold(name: string, make: () => ModelServer): ModelServer {
    const entry = this.#held.get(name) ?? { server: make(), holders: 0 };
    entry.holders += 1;
    this.#held.set(name, entry);
    let isHeld = true;
    return {
      connect: (signal) => entry.server.connect(signal),
      death: () => entry.server.death(),
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        entry.holders -= 1;
        if (entry.holders > 0) return;
        this.#held.delete(name);
        await entry.server[Symbol.asyncDispose]();
      },
    };
  }
}
