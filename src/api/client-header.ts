// The header by which Wherry's own client shows that a request comes from code.

/** A page of another origin cannot send it unasked: it would need a preflight that is refused. */
export const clientHeader = 'wherry-client';
