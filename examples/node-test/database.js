import vault from 'node-vault';

/** Where a small app's database is, as it is written in Vault. `node-vault` finds the server by VAULT_ADDR and VAULT_TOKEN. */
export async function databaseUrl(client = vault()) {
  const { data } = await client.read('secret/data/app/database');
  const { user, password, host } = data.data;
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}/app`;
}
