import { defineConfig } from 'vitest/config';
import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { playwright } from '@vitest/browser-playwright';
import { findChromium } from './scripts/find-chromium.mjs';
import { frameworks } from './test/live/frameworks.ts';

// Generous: a slow machine is no defect. No retries: a flake is one.
const limits = { testTimeout: 120_000, hookTimeout: 120_000, retry: 0 };
const chromium = await findChromium();

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        plugins: [frameworks()],
        test: { name: 'node', include: ['test/**/*.test.ts'], exclude: ['test/workerd/**', 'test/browser/**'], ...limits },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './test/workerd/wrangler.toml' } })],
        test: { name: 'workerd', include: ['test/workerd/**/*.test.ts'], ...limits },
      },
      {
        plugins: [frameworks()],
        test: {
          name: 'chromium',
          include: ['test/browser/**/*.test.ts'],
          ...limits,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { executablePath: chromium.path, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'], env: chromium.env },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
