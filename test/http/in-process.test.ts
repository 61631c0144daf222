import { startServer } from '@sealkv/server';
import { describeScenarios } from './scenarios.ts';

describeScenarios(async () => {
  let passed = 0;
  const { url, rootToken, close } = await startServer({ clock: () => Date.now() + passed });
  return { url, rootToken, close, listBy: 'method', wait: (milliseconds) => void (passed += milliseconds) };
});
