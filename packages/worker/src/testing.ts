/** What a test makes of the storage's n-th event: let it be, let it fail, or end the object right there. */
export interface FaultPlan {
  /**
   * Called right before each event, counted from 0. Names: the first word of an SQL statement, `begin` (a transaction is asked for),
   * `commit` (its closure is about to return), `committed` (it has resolved), else the storage's method.
   */
  onEvent(n: number, name: string): 'go' | 'throw' | 'crash';
}

/**
 * The storage of a Durable Object, failing by number of event rather than by time.
 *
 * `throw` throws an `Error` in place of the event (at `committed`: after it, as if the answer had got lost); `crash` is `abort()`:
 * no further line of the object's code runs, and its next request meets a new instance on what was committed.
 */
export function faultyStorage(state: Pick<DurableObjectState, 'storage' | 'abort'>, plan: FaultPlan): DurableObjectStorage {
  const { storage } = state;
  let events = 0;
  const event = (name: string): void => {
    const n = events++;
    const verdict = plan.onEvent(n, name);
    if (verdict === 'go') return;
    const fault = `fault at event ${n} (${name})`;
    if (verdict === 'crash') state.abort(fault);
    throw new Error(fault);
  };
  const watched = <T extends object>(target: T, own: Partial<T>): T =>
    new Proxy(target, {
      get: (_, name) => {
        if (name in own) return Reflect.get(own, name);
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          event(String(name));
          return Reflect.apply(member, target, args);
        };
      },
    });

  return watched(storage, {
    sql: watched(storage.sql, {
      exec: (statement, ...bindings) => {
        event(statement.slice(0, statement.indexOf(' ')));
        return storage.sql.exec(statement, ...bindings);
      },
    }),
    transaction: async (closure) => {
      event('begin');
      const result = await storage.transaction(async (transaction) => {
        const value = await closure(transaction);
        event('commit');
        return value;
      });
      event('committed');
      return result;
    },
  });
}
