import { badRequest } from '../api-error.ts';
import { allowedHeaders, loadCors, putCors } from '../cors.ts';
import { data } from '../reply.ts';
import type { Route } from '../route.ts';
import { route } from '../route.ts';

/** `sys/config/cors`: which web pages may call. */
export const configCors: Route = route({
  pattern: 'config/cors',
  about: 'Which web pages of other origins may call. Off until origins are given.',
  injected: true,
  needsSudo: true,
  grows: ['update'],
  fields: {
    enable: { type: 'bool', about: 'Of no effect: giving origins switches it on, a DELETE off.' },
    allowed_origins: { type: 'strings', about: 'Origins such as `https://app.example`, or just `*`.' },
    allowed_headers: { type: 'strings', about: 'Headers that pages may send besides those that clients do.' },
    allow_credentials: { type: 'bool', about: 'Whether browsers may send cookies and the like along. None are looked at.' },
  },
  operations: {
    async read({ store }) {
      const settings = await store.read(loadCors);
      if (settings === undefined) return data({ enabled: false });
      return data({
        allow_credentials: settings.allowCredentials,
        allowed_headers: allowedHeaders(settings),
        allowed_origins: settings.allowedOrigins,
        enabled: true,
      });
    },

    async update({ store, values }) {
      const { allowed_origins: allowedOrigins = [], allowed_headers: extraHeaders = [], allow_credentials: allowCredentials = false } = values;
      if (allowedOrigins.length === 0) throw badRequest('at least one origin or the wildcard must be provided');
      if (allowedOrigins.includes('*') && allowedOrigins.length > 1)
        throw badRequest("to allow all origins the '*' must be the only value for allowed_origins");
      const odd = extraHeaders.find((name) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name));
      if (odd !== undefined) throw badRequest('allowed_headers must be names of headers');
      await store.write(async () => ({ result: undefined, writes: [putCors({ allowedOrigins, extraHeaders, allowCredentials })] }));
      return undefined;
    },

    async delete({ store }) {
      await store.write(async () => ({ result: undefined, writes: [putCors(undefined)] }));
      return undefined;
    },
  },
});
