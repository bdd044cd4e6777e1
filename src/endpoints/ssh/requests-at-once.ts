// How much of one file is under way at once.

/** Requests of one stream: 8 MiB with OpenSSH's packets. */
export const requestsAtOnce = 32;
