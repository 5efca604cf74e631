import {
  LINK_INDEX,
  NS_FLAGS,
  NS_TYPES,
  type NsInums,
  type NsLink,
  type NsType,
  typeOfLink,
} from "../../kernel/links.js";
import type { Act, ObservedCall } from "../act.js";

/** Whether a call that succeeded may have led into a namespace of the host: asked of every call. */
export function mayEnterHost({ changed }: ObservedCall, hostNs: NsInums): boolean {
  if (changed === undefined || changed === null) return true;
  for (const name in changed) {
    const link = name as NsLink;
    const { from, to } = changed[link as keyof typeof changed]!;
    if (to.inum === hostNs[LINK_INDEX[typeOfLink(link)]] && from?.inum !== to.inum) return true;
  }
  return false;
}

/** The types of the host's namespaces that the task is in after the call and was not in before. */
export function enteredOfHost({ call, hostNs }: Act): NsType[] {
  return NS_TYPES.filter((type) => {
    const host = hostNs[LINK_INDEX[type]];
    if (host === undefined || host === 0) return false;
    // Where the task was before is not known: what the descriptor referred to has to do.
    if (call.changed === undefined || call.changed === null) return leadsTo(call, type, host);
    return Object.entries(call.changed).some(
      ([link, { from, to }]) =>
        typeOfLink(link as NsLink) === type && to.inum === host && from?.inum !== host,
    );
  });
}

/** The types of the host's namespaces that a refused call asked for and that the task is not in anyway. */
export function refusedOfHost({ call, hostNs }: Act): NsType[] {
  return NS_TYPES.filter((type) => {
    const host = hostNs[LINK_INDEX[type]];
    if (host === undefined || host === 0 || call.namespaces[type]?.inum === host) return false;
    return leadsTo(call, type, host);
  });
}

/** The types of all namespaces that the call led into and that the task was not in before. */
export function entered({ changed }: Act["call"]): NsType[] {
  const types = new Set(Object.keys(changed ?? {}).map((link) => typeOfLink(link as NsLink)));
  return NS_TYPES.filter((type) => types.has(type));
}

/** The types that a call with a pidfd asked for. */
export function askedOf({ args }: Act["call"]): NsType[] {
  const { nstype } = args;
  return Array.isArray(nstype) ? NS_TYPES.filter((type) => nstype.includes(NS_FLAGS[type])) : [];
}

/** Whether the descriptor is that of `host`, or of a process in it of which the call wants this namespace. */
function leadsTo(call: Act["call"], type: NsType, host: number): boolean {
  const { target } = call;
  if (target?.via === "nsfs") return target.type === type && target.inum === host;
  if (target?.via !== "pidfd") return false;
  return askedOf(call).includes(type) && target.namespaces?.[type]?.inum === host;
}
