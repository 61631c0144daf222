import { parseArgs } from 'node:util';
import { StartError } from './start-error.ts';

/** What `sealkv` was asked for. */
export interface CliOptions {
  readonly help: boolean;
  readonly port: number;
  /** The folder that keeps the data; undefined: nothing is kept. */
  readonly data: string | undefined;
  readonly rootToken: string | undefined;
  readonly sealKey: string | undefined;
}

export const HELP = `Usage: sealkv [dev] [options]        (npm start -- [dev] [options])

A Vault-compatible server for secrets, on this machine only, its data kept in a folder.
With dev: in memory, gone when it ends, there in a moment; its root token is "root".

  --port <number>        SEALKV_PORT        8200 by default
  --data <folder>        SEALKV_DATA        ./.sealkv by default
  --root-token <token>   SEALKV_ROOT_TOKEN  if not given: made at the first start and kept with the data
  --seal-key <key>       SEALKV_SEAL_KEY    32 bytes as base64, base64url or hex; made and kept likewise
  --help

A flag comes before the environment variable. Others can see flags in the list of processes: give secrets in the environment.
`;

/**
 * Reads flags and, for those not given, the environment. An empty variable counts as unset.
 * @throws StartError
 */
export function parseCliOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): CliOptions {
  const { flags, isDev } = parseCommandLine(args);
  const port = flags.port ?? (env['SEALKV_PORT'] || '8200');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new StartError(`not a port: ${port}; give a number up to 65535`);
  const given = Object.entries(flags).find(([, value]) => value === '');
  if (given !== undefined) throw new StartError(`--${given[0]} is empty`);
  if (isDev && flags.data !== undefined) throw new StartError('dev keeps nothing, so there is no folder to give it; without dev data is kept');
  return {
    help: flags.help ?? false,
    port: Number(port),
    data: isDev ? undefined : (flags.data ?? (env['SEALKV_DATA'] || './.sealkv')),
    rootToken: flags['root-token'] ?? (env['SEALKV_ROOT_TOKEN'] || (isDev ? 'root' : undefined)),
    sealKey: flags['seal-key'] ?? (env['SEALKV_SEAL_KEY'] || undefined),
  };
}

const FLAGS = {
  port: { type: 'string' },
  data: { type: 'string' },
  'root-token': { type: 'string' },
  'seal-key': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Flags = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>['values'];

function parseCommandLine(args: readonly string[]): { readonly flags: Flags; readonly isDev: boolean } {
  const { values, positionals } = parsed(args);
  const [command, ...more] = positionals;
  const unexpected = command === 'dev' ? more[0] : command;
  if (unexpected !== undefined) throw new StartError(`Unexpected argument '${unexpected}'; ${HINT}`);
  return { flags: values, isDev: command === 'dev' };
}

function parsed(args: readonly string[]): { readonly values: Flags; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (error) {
    // Node's further sentences are about positional arguments that look like options.
    throw new StartError(`${(error as Error).message.split(/[.\n]/)[0]}; ${HINT}`);
  }
}

const HINT = '--help tells what can be given';
