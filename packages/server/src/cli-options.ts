import { parseArgs } from 'node:util';
import { StartError } from './start-error.ts';

/** What `sealkv` was asked for. */
export interface CliOptions {
  readonly help: boolean;
  readonly port: number;
  readonly data: string;
  readonly rootToken: string | undefined;
  readonly sealKey: string | undefined;
}

export const HELP = `Usage: sealkv [options]        (npm start -- [options])

A Vault-compatible server for secrets, on this machine only, its data kept in a folder.

  --port <number>        SEALKV_PORT        8200 by default
  --data <folder>        SEALKV_DATA        ./.sealkv by default
  --root-token <token>   SEALKV_ROOT_TOKEN  made at the first start and kept with the data, if not given
  --seal-key <key>       SEALKV_SEAL_KEY    32 bytes as base64, base64url or hex; made and kept likewise
  --help

A flag comes before the environment variable. Others can see flags in the list of processes: give secrets in the environment.
`;

/**
 * Reads flags and, for those not given, the environment. An empty variable counts as unset.
 * @throws StartError
 */
export function parseCliOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>): CliOptions {
  const flags = parseFlags(args);
  const port = flags.port ?? (env['SEALKV_PORT'] || '8200');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new StartError(`not a port: ${port}; give a number up to 65535`);
  const given = Object.entries(flags).find(([, value]) => value === '');
  if (given !== undefined) throw new StartError(`--${given[0]} is empty`);
  return {
    help: flags.help ?? false,
    port: Number(port),
    data: flags.data ?? (env['SEALKV_DATA'] || './.sealkv'),
    rootToken: flags['root-token'] ?? (env['SEALKV_ROOT_TOKEN'] || undefined),
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

function parseFlags(args: readonly string[]): Flags {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: false }).values;
  } catch (error) {
    // Node's second sentence is about positional arguments, of which there are none.
    throw new StartError(`${(error as Error).message.split(/[.\n]/)[0]}; --help tells what can be given`);
  }
}
