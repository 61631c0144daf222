/** What the tests use of it: the package has no types of its own. */
declare module 'node-vault-client' {
  interface Lease {
    getValue(key: string): unknown;
    getData(): Record<string, unknown>;
    isRenewable(): boolean;
  }
  interface Options {
    readonly api: { readonly url: string };
    readonly auth:
      | { readonly type: 'token'; readonly config: { readonly token: string; readonly namespace?: string } }
      | { readonly type: 'appRole'; readonly config: { readonly role_id: string; readonly secret_id: string; readonly namespace?: string } };
    readonly logger: false | { readonly [level in 'error' | 'warn' | 'info' | 'debug' | 'trace']: (...args: unknown[]) => void };
  }
  class VaultClient {
    constructor(options: Options);
    static boot(name: string, options?: Options): VaultClient;
    static get(name: string): VaultClient;
    static clear(name?: string): void;
    read(path: string): Promise<Lease>;
    list(path: string): Promise<Lease>;
    write(path: string, data: object): Promise<unknown>;
  }
  namespace VaultClient {
    export { Lease, Options };
  }
  export = VaultClient;
}
