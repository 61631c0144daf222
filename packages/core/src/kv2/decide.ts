import type { Head, SecretState } from '../record.ts';
import { closedPagesOf } from '../record.ts';
import type { Decision, Facts } from './decision.ts';
import type { DeleteMetadataCommand } from './delete-metadata.ts';
import { decideDeleteMetadata } from './delete-metadata.ts';
import type { DeleteCommand } from './delete.ts';
import { decideDelete } from './delete.ts';
import type { DestroyCommand } from './destroy.ts';
import { decideDestroy } from './destroy.ts';
import type { IgnoredSetting, PutMetadataCommand } from './put-metadata.ts';
import { decidePutMetadata } from './put-metadata.ts';
import type { PutCommand, PutOutcome } from './put.ts';
import { decidePut } from './put.ts';
import type { UndeleteCommand } from './undelete.ts';
import { decideUndelete } from './undelete.ts';

/** Every operation that changes a secret, with what it answers. */
export type Command = PutCommand | DeleteCommand | UndeleteCommand | DestroyCommand | PutMetadataCommand | DeleteMetadataCommand;
export type Outcome = PutOutcome | readonly IgnoredSetting[] | undefined;

/** {@link decide}, or the same of an operation that is in an entry of its own. */
export type Decide<C, R> = (state: SecretState | undefined, command: C, facts: Facts) => Decision<R>;

export function decide(state: SecretState | undefined, command: Command, facts: Facts): Decision<Outcome> {
  switch (command.kind) {
    case 'put':
      return decidePut(state, command, facts);
    case 'delete':
      return decideDelete(state, command, facts);
    case 'undelete':
      return decideUndelete(state, command, facts);
    case 'destroy':
      return decideDestroy(state, command, facts);
    case 'putMetadata':
      return decidePutMetadata(state, command, facts);
    case 'deleteMetadata':
      return decideDeleteMetadata(state, command, facts);
    default:
      return command satisfies never;
  }
}

/** The closed pages a command must see before it can be decided. Most need none: the current version's page is in the head. */
export function pagesNeeded(head: Head, command: { readonly versions?: readonly number[] | undefined }): number[] {
  return command.versions !== undefined ? closedPagesOf(head, command.versions) : [];
}
