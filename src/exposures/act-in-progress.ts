import type { Act, ActContext, ObservedCall } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { Loss, Protection, Protections } from "./protections.js";

/** Looks things up when the first rule asks, since most calls meet none that does. */
export class ActInProgress implements Act {
  readonly call: ObservedCall;
  readonly hostNs: ActContext["hostNs"];
  readonly parentNs: ActContext["parentNs"];
  readonly suppress: (reason: string) => void;
  readonly #context: ActContext;
  readonly #containerId: string;
  readonly #protections: Protections;
  #after: ContainerView | null | undefined;
  #losses: readonly Loss[] | null | undefined;

  constructor(
    call: ObservedCall,
    context: ActContext,
    containerId: string,
    protections: Protections,
    suppress: (reason: string) => void,
  ) {
    this.call = call;
    this.hostNs = context.hostNs;
    this.parentNs = context.parentNs;
    this.suppress = suppress;
    this.#context = context;
    this.#containerId = containerId;
    this.#protections = protections;
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
    return this.#protections.at(this.#containerId, point);
  }

  #findLosses(): readonly Loss[] | null {
    if (!this.#protections.protects(this.#containerId)) return [];
    const view = this.after();
    return view === null ? null : this.#protections.takeLosses(view);
  }
}
