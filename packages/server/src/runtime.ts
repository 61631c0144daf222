import type { FrontHandler } from './raw-front.ts';

/** What answers requests behind the front. */
export interface Runtime {
  readonly handler: FrontHandler;
  close(): Promise<void>;
}
