// Whether leaving the page is asked about: starting a download goes to an address without leaving.

let startingDownload = false;

export function isStartingDownload(): boolean {
  return startingDownload;
}

/** Goes to an address that answers with an attachment: the page stays, and nobody is asked whether to leave it. */
export function startDownload(address: string): void {
  startingDownload = true;
  window.location.assign(address);
  // The question is asked in the task that navigates, which comes before this one.
  setTimeout(() => {
    startingDownload = false;
  }, 1000);
}
