import { compile } from 'svelte/compiler';
import type { Plugin } from 'vite';

/** What Vite needs for tests with UI frameworks: components of Svelte are compiled, and Vue is told what a bundler would tell it. */
export function frameworks(): Plugin {
  return {
    name: 'frameworks',
    config: () => ({
      define: { __VUE_OPTIONS_API__: 'false', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
      // Vite does not look into components for what it has to prepare, and would reload the page of a running test.
      optimizeDeps: { include: ['svelte/internal/client', 'svelte/internal/disclose-version'] },
    }),
    transform(code, id, options) {
      if (!id.endsWith('.svelte')) return undefined;
      const { js } = compile(code, { filename: id, generate: options?.ssr === true ? 'server' : 'client' });
      return { code: js.code, map: js.map };
    },
  };
}
