import type { SecretEngine } from '@sealkv/core';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';
import { formatDuration } from '../time.ts';

/** `config`: what holds for every secret of the mount. */
export const config: Route<SecretEngine> = route({
  pattern: 'config',
  about: 'What holds for every secret of the mount. A change acts on later writes.',
  fields: {
    max_versions: { type: 'int', about: "Versions to keep of a secret; 0: 10. The larger of this and the secret's own counts." },
    cas_required: { type: 'bool', about: 'Whether every write needs check-and-set.' },
    metadata_cas_required: { type: 'bool', about: 'Whether every write of metadata needs check-and-set.' },
    delete_version_after: { type: 'signedDuration', about: 'How long a version lives; 0: for ever; negative: for ever, whatever a secret says.' },
  },
  operations: {
    async read(_, secrets: SecretEngine) {
      const { casRequired, deleteVersionAfterMs, maxVersions, metadataCasRequired } = await secrets.getConfig();
      return data({
        cas_required: casRequired,
        delete_version_after: deleteVersionAfterMs === 'disabled' ? '-1s' : formatDuration(deleteVersionAfterMs / 1000),
        max_versions: maxVersions,
        metadata_cas_required: metadataCasRequired,
      });
    },

    async update({ values }, secrets) {
      const { delete_version_after: seconds } = values;
      await secrets.putConfig({
        maxVersions: values.max_versions,
        casRequired: values.cas_required,
        metadataCasRequired: values.metadata_cas_required,
        deleteVersionAfterMs: seconds === undefined ? undefined : seconds < 0 ? 'disabled' : seconds * 1000,
      });
      return undefined;
    },
  },
});
