// The console's one client of the API: same origin, by the session's cookie.

import { createClient } from '../src/api/client.ts';

export const api = createClient({ url: '' });
