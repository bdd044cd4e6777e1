// What stands in place of a page that broke: says so, and leads on. The rest of the frame goes on working.

import { Component, type ReactNode } from 'react';
import { Button } from '../parts/button.tsx';
import { EmptyState } from '../parts/empty-state.tsx';

interface MishapProps {
  /** Where the page stands: another address is tried anew. */
  address: string;
  children: ReactNode;
}

interface MishapState {
  why: string | undefined;
}

export class Mishap extends Component<MishapProps, MishapState> {
  override state: MishapState = { why: undefined };

  static getDerivedStateFromError(error: unknown): MishapState {
    return { why: error instanceof Error ? error.message : String(error) };
  }

  override componentDidUpdate(before: MishapProps): void {
    if (before.address !== this.props.address && this.state.why !== undefined) this.setState({ why: undefined });
  }

  override render(): ReactNode {
    if (this.state.why === undefined) return this.props.children;
    return (
      <EmptyState
        alone
        title="This page has broken"
        action={<Button onClick={() => window.location.reload()}>Load it again</Button>}
      >
        Nothing has happened to your files: moving them is the daemon's business, not the page's. Please report what it
        says here: {this.state.why}
      </EmptyState>
    );
  }
}
