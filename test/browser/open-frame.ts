/** Runs a module in a page of its own, a frame called `name`; resolves to the detail of the first event of that type that the module tells its frame. */
export function openFrame<T>(module: string, type: string, name = ''): Promise<T> {
  return new Promise((resolve, reject) => {
    const frame = document.createElement('iframe');
    frame.name = name;
    frame.addEventListener(type, (event) => resolve((event as CustomEvent<T>).detail));
    document.body.append(frame);
    const script = frame.contentDocument!.createElement('script');
    script.type = 'module';
    script.src = module;
    script.onerror = () => reject(new Error('the page did not load'));
    frame.contentDocument!.body.append(script);
  });
}
