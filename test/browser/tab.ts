import * as adapter from '@sealkv/idb-adapter';
import { faultyIndexedDB } from '@sealkv/idb-adapter/testing';

/** What a test can use of a page of its own, with globals and modules of its own, as another tab has them. */
export interface Tab {
  readonly adapter: typeof adapter;
  readonly faultyIndexedDB: typeof faultyIndexedDB;
  readonly window: Window & typeof globalThis;
  /** Ends the page, with all that it has open. */
  close(): void;
}

const frame = window.frameElement as HTMLIFrameElement;
const tab: Tab = { adapter, faultyIndexedDB, window, close: () => frame.remove() };
frame.dispatchEvent(new CustomEvent<Tab>('ready', { detail: tab }));
