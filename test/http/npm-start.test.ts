import { setTimeout as wait } from 'node:timers/promises';
import { startCli } from '../server/cli-process.ts';
import { describeScenarios } from './scenarios.ts';

describeScenarios(async (folder) => {
  const { url, rootToken, process: cli } = await startCli(folder);
  const close = async (): Promise<void> => {
    cli.signal('SIGINT');
    await cli.ended;
  };
  return { url, rootToken, close, listBy: 'method', wait };
});
