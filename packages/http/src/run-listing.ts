import type { Admission } from './admission.ts';
import { OtherLimit, outcomeOf } from './admission.ts';
import { StoreError } from '@sealkv/core';
import type { Found } from './endpoints.ts';
import { isForSudo } from './endpoints.ts';
import { filterKeys } from './policy/list-filter.ts';
import { RateLimitExceeded } from './quotas/rate-limiter.ts';
import type { Reply } from './reply.ts';
import type { Operation } from './request.ts';
import type { Call, Route } from './route.ts';

export function isListing(operation: Operation): boolean {
  return operation === 'list' || operation === 'scan';
}

/** Runs a list or scan with the limit that policies demand, and shows of it what they let be seen. Both are decided by the transaction that lists. */
export async function runListing(run: Found['run'], call: Omit<Call, 'values'>, { needsSudo }: Pick<Route, 'needsSudo'>): Promise<Reply> {
  const { services, admission, operation, path } = call;
  let { input } = call;
  for (;;) {
    try {
      admission.want([{ operation, path, input, needsSudo, isLimitable: true }]);
      const reply = await decided(run({ ...call, input }), admission);
      // One that needed no look into the store.
      await admission.settle({ code: 'ok' });
      const { accesses, policies } = admission.caller;
      const template = accesses[0]?.filterPath;
      return template === undefined ? reply : filterKeys(reply, { ...policies, template, path, needsSudo: isForSudo, now: services.clock() });
    } catch (error) {
      if (!(error instanceof OtherLimit)) throw error;
      input = new Map(input).set('limit', error.limit);
    }
  }
}

/** What a handler could not read may be something that policies put in order. */
async function decided(running: Promise<Reply>, admission: Admission): Promise<Reply> {
  try {
    return await running;
  } catch (error) {
    if (!(error instanceof OtherLimit) && leavesRecord(error)) await admission.settle(outcomeOf(error));
    throw error;
  }
}

/** Of requests that one limit refuses in a row the first is decided and recorded, or refusing would cost more than doing. */
export function leavesRecord(error: unknown): boolean {
  if (error instanceof RateLimitExceeded) return error.isFirst;
  // It may have been carried out, and then its record is there.
  return !(error instanceof StoreError && error.applied === 'unknown');
}
