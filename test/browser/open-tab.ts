import type { Tab } from './tab.ts';

/** Another page of this origin: a frame, which a page can end without a trace. */
export function openTab(): Promise<Tab> {
  return new Promise((resolve, reject) => {
    const frame = document.createElement('iframe');
    frame.addEventListener('ready', (event) => resolve((event as CustomEvent<Tab>).detail));
    document.body.append(frame);
    const script = frame.contentDocument!.createElement('script');
    script.type = 'module';
    script.src = new URL('./tab.ts', import.meta.url).href;
    script.onerror = () => reject(new Error('the page did not load'));
    frame.contentDocument!.body.append(script);
  });
}
