// An address that leads nowhere.

import { EmptyState } from '../parts/empty-state.tsx';
import { Link } from '../parts/link.tsx';

export function NotFoundPage() {
  return (
    <EmptyState alone title="There is no such page">
      The address may be from an older version. Go to the{' '}
      <Link href="/" className="underline">
        overview
      </Link>
      .
    </EmptyState>
  );
}
