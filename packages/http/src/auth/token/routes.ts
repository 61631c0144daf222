import type { Route } from '../../route.ts';
import { accessors } from './accessors.ts';
import { createOrphan } from './create-orphan.ts';
import { createWithRole } from './create-with-role.ts';
import { create } from './create.ts';
import { lookupAccessor } from './lookup-accessor.ts';
import { lookupSelf } from './lookup-self.ts';
import { lookup } from './lookup.ts';
import { renewAccessor } from './renew-accessor.ts';
import { renewSelf } from './renew-self.ts';
import { renew } from './renew.ts';
import { revokeAccessor } from './revoke-accessor.ts';
import { revokeOrphan } from './revoke-orphan.ts';
import { revokeSelf } from './revoke-self.ts';
import { revoke } from './revoke.ts';
import { role } from './role.ts';
import { roles } from './roles.ts';
import { tidy } from './tidy.ts';

/** Everything below `auth/token/`. */
export const tokenRoutes: readonly Route[] = [
  lookupSelf,
  lookup,
  lookupAccessor,
  create,
  createOrphan,
  createWithRole,
  renew,
  renewSelf,
  renewAccessor,
  revoke,
  revokeSelf,
  revokeOrphan,
  revokeAccessor,
  accessors,
  roles,
  role,
  tidy,
];
