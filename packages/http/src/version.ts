/**
 * What clients that look at a server's version get to see: the OpenBao whose API this is, then our own (semantic versioning ignores what follows the plus).
 */
export const VERSION = '2.6.2+sealkv.0.1.0';
