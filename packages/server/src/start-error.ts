/** Why a server can't start, in one line that says what to do; there is nothing more to know about it. */
export class StartError extends Error {
  override name = 'StartError';
}
