// The service worker of rooms: turns what a page receives into a download that streams, where the page has no files of its own to write. It answers nothing else.

/** By its address: the port to the page that feeds it. */
const downloads = new Map();

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', ({ data, ports: [port] }) => {
  // Without a port it is a page that keeps this worker awake.
  if (port === undefined) return;
  downloads.set(new URL(data.address, self.location.origin).pathname, { ...data, port });
  port.postMessage('ready');
});

self.addEventListener('fetch', (event) => {
  const { pathname } = new URL(event.request.url);
  const download = downloads.get(pathname);
  if (download === undefined) return;
  downloads.delete(pathname);
  event.respondWith(respond(download));
});

function respond({ name, sizeBytes, port }) {
  let more = () => undefined;
  const body = new ReadableStream(
    {
      start(controller) {
        port.onmessage = ({ data }) => {
          if (data === 'end') controller.close();
          else if (data === 'fail') controller.error(new Error('The file did not arrive.'));
          else controller.enqueue(data);
          more();
        };
      },
      // One piece is asked for at a time: the disk sets the pace.
      pull() {
        port.postMessage('more');
        return new Promise((done) => {
          more = done;
        });
      },
      cancel() {
        port.postMessage('cancelled');
      },
    },
    { highWaterMark: 1 },
  );
  return new Response(body, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(sizeBytes),
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
  });
}
