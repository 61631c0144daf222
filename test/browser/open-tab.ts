import { openFrame } from './open-frame.ts';
import type { Tab } from './tab.ts';

/** Another page of this origin: a frame, which a page can end without a trace. */
export function openTab(): Promise<Tab> {
  return openFrame<Tab>(new URL('./tab.ts', import.meta.url).href, 'ready');
}
