import type { ContainerRef } from "../event.js";
import type { Act, ActContext, ObservedCall } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { Memory, Slot } from "./memory.js";
import type { Loss, Protection, Protections } from "./protections.js";

/** What the engine knows from before. */
export interface Known {
  readonly protections: Protections;
  readonly memory: Memory;
}

/** Looks things up when the first rule asks, since most calls meet none that does. */
export class ActInProgress implements Act {
  readonly call: ObservedCall;
  readonly hostNs: ActContext["hostNs"];
  readonly parentNs: ActContext["parentNs"];
  readonly origin: NonNullable<ActContext["origin"]> | null;
  readonly suppress: (reason: string) => void;
  readonly #context: ActContext;
  readonly #containerId: string;
  readonly #known: Known;
  #after: ContainerView | null | undefined;
  #losses: readonly Loss[] | null | undefined;

  constructor(
    call: ObservedCall,
    context: ActContext,
    containerId: string,
    known: Known,
    suppress: (reason: string) => void,
  ) {
    this.call = call;
    this.hostNs = context.hostNs;
    this.parentNs = context.parentNs;
    this.origin = context.origin ?? null;
    this.suppress = suppress;
    this.#context = context;
    this.#containerId = containerId;
    this.#known = known;
  }

  entered(): ContainerRef | null {
    return this.#context.entered === undefined ? this.call.container : this.#context.entered();
  }

  recall<Value>(slot: Slot<Value>, key: string): Value {
    return this.#known.memory.recall(slot, key);
  }

  after(): ContainerView | null {
    if (this.#after === undefined) this.#after = this.#context.after();
    return this.#after;
  }

  ancestors(): readonly string[] {
    const parent = this.call.process.parent?.exe ?? null;
    return this.#context.ancestors?.() ?? (parent === null ? [] : [parent]);
  }

  losses(): readonly Loss[] | null {
    if (this.#losses === undefined) this.#losses = this.#findLosses();
    return this.#losses;
  }

  protectionAt(point: string): Protection | null {
    return this.#known.protections.at(this.#containerId, point);
  }

  #findLosses(): readonly Loss[] | null {
    if (!this.#known.protections.protects(this.#containerId)) return [];
    const view = this.after();
    return view === null ? null : this.#known.protections.takeLosses(view);
  }
}
