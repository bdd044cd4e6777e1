// The limits that hold where nobody sets others; apart from the schema, so that a quick command need not load it.

export const defaultLimits = { transfers: 4, perEndpoint: 2, processing: 2, stallSeconds: 60 } as const;
