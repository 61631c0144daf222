/**
 * Runs `work`, while WebCrypto and message ports take the turn of the event loop that they take everywhere else.
 *
 * The port's rule that a transaction body awaits only its own transaction is checked by watching for turns of the event loop. workerd
 * settles WebCrypto's promises before it returns them, and delivers a message as a microtask (`src/workerd/api/crypto/crypto.c++`,
 * `messagechannel.c++`), so a body that awaits them would pass here, and commit half of its work in Firefox. While `work` runs their answers
 * come one turn late, as their specifications have it. Nothing else changes: code of the same event that happens to call them
 * meanwhile gets the same answers, in the same order.
 *
 * `work` must settle within one turn of the event loop; then no other event can run code under the change.
 */
export async function withWholeTurns<T>(work: () => Promise<T>): Promise<T> {
  restore ??= slowDown();
  try {
    return await work();
  } finally {
    restore?.();
    restore = undefined;
  }
}

// Set while the methods are replaced; also after the object was aborted half-way, until the next `work` of the isolate cleans up.
let restore: (() => void) | undefined;

function slowDown(): () => void {
  const crypto = SubtleCrypto.prototype as unknown as Record<string, unknown>;
  const methods = Object.entries(crypto).filter((entry): entry is [string, Method] => typeof entry[1] === 'function');
  for (const [name, method] of methods) crypto[name] = lateOf(method, answeringLate);
  const { postMessage } = MessagePort.prototype;
  MessagePort.prototype.postMessage = lateOf(postMessage, deliveringLate);
  return () => {
    for (const [name, method] of methods) crypto[name] = method;
    MessagePort.prototype.postMessage = postMessage;
  };
}

const lateByMethod = new WeakMap<object, unknown>();

/** Made once for each method: this is done in every transaction. */
function lateOf<M extends object>(method: M, make: (method: M) => M): M {
  let late = lateByMethod.get(method) as M | undefined;
  if (late === undefined) lateByMethod.set(method, (late = make(method)));
  return late;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

function answeringLate(method: Method): Method {
  return function (...args) {
    const answer = method.apply(this, args);
    // `allSettled`, so that a rejection has its handler at once.
    return answer instanceof Promise ? Promise.allSettled([answer, scheduler.wait(0)]).then(() => answer) : answer;
  };
}

function deliveringLate(postMessage: MessagePort['postMessage']): MessagePort['postMessage'] {
  return function late(this: MessagePort, message?: unknown): void {
    const copy: unknown = structuredClone(message);
    this.postMessage = late; // for good, so that no later message overtakes this one
    void scheduler.wait(0).then(() => postMessage.call(this, copy));
  };
}
