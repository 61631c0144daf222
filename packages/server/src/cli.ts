#!/usr/bin/env node
import { HELP, parseCliOptions } from './cli-options.ts';
import { StartError } from './start-error.ts';
import { startServer } from './start-server.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

try {
  await main();
} catch (error) {
  const problem = error instanceof StartError ? error.message : `it failed in a way it should not: ${String(error)}`;
  process.stderr.write(`sealkv: ${problem.replace(/\s*\n\s*/g, ' ')}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { help, port, data, rootToken, sealKey } = parseCliOptions(process.argv.slice(2), process.env);
  if (help) return void process.stdout.write(HELP);

  const common = { port, rootToken, sealKey };
  const server = await startServer(data === undefined ? common : { ...common, runtime: 'workerd', dataDir: data });
  const stop = (): void => void server.close().finally(() => process.exit(0));
  for (const signal of SIGNALS) {
    // Miniflare's own would end the process before what is under way is answered.
    process.removeAllListeners(signal);
    process.on(signal, stop);
  }
  // Whoever reads the banner may be gone before it is written.
  process.stdout.on('error', () => undefined);
  process.stdout.write(banner(server.url, server.rootToken, data));
}

function banner(url: string, token: string, data: string | undefined): string {
  const whereabouts =
    data === undefined
      ? 'in memory (nothing is kept when it ends)'
      : `data ${data} (kept between starts; seal key and root token beside it, mode 0600)`;
  const curl = (arguments_: string, path: string): string => `  curl -H "X-Vault-Token: ${token}" ${arguments_}${url}/v1/secret/${path}\n`;
  return `SealKV  ${url}   root token ${token}   ${whereabouts}

${curl(`-d '{"data":{"hello":"world"}}' `, 'data/first')}${curl('', 'data/first')}${curl('-X LIST ', 'metadata')}${curl('-X DELETE ', 'data/first')}${curl(
    `-d '{"versions":[1]}' `,
    'undelete/first',
  )}
Stop with Ctrl-C.
`;
}
