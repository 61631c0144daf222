/** A small app's keys for signing sessions, kept in Vault, in OpenBao or in SealKV: it asks with plain `fetch`, and can't tell which it is. */
export class SessionKeys {
  readonly #url: string;
  readonly #token: string;

  constructor({ VAULT_ADDR = 'http://127.0.0.1:8200', VAULT_TOKEN = '' }: Readonly<Record<string, string | undefined>> = process.env) {
    this.#url = `${VAULT_ADDR}/v1/secret/data/app/session-key`;
    this.#token = VAULT_TOKEN;
  }

  async current(): Promise<string> {
    const { data } = await this.#ask('GET');
    return data.data.key;
  }

  /** Puts another key in the place of the current one, unless somebody else has just done so. */
  async rotate(key: string): Promise<void> {
    const { data } = await this.#ask('GET');
    await this.#ask('POST', { data: { key }, options: { cas: data.metadata.version } });
  }

  async #ask(method: string, content?: object): Promise<{ data: { data: { key: string }; metadata: { version: number } } }> {
    const answer = await fetch(this.#url, { method, headers: { 'X-Vault-Token': this.#token }, body: content ? JSON.stringify(content) : null });
    if (answer.status === 403) throw new Error('the token is not, or no longer, good for the session key');
    if (!answer.ok) throw new Error(`the session key is out of reach: ${answer.status}`);
    return answer.json();
  }
}
