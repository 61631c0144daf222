/** Why a server can't start, or can't be set up as it was to be, in one line that says what to do; there is nothing more to know about it. */
export class StartError extends Error {
  override name = 'StartError';
}
