import { setTimeout as wait } from 'node:timers/promises';
import { openWorkerd } from '../../packages/server/src/workerd-runtime.ts';
import { describeScenarios } from './scenarios.ts';

// As on Cloudflare: nothing before the Worker, and no LIST or SCAN.
describeScenarios(async (folder) => {
  const rootToken = 's.root';
  const { url, close } = await openWorkerd({ dataPath: folder, rootToken, sealKey: 'ab'.repeat(32) });
  return { url, rootToken, close, listBy: 'query', wait };
});
