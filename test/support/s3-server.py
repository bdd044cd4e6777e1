# One node of Swift with its S3 interface, all four servers in one process: s3-server.py FOLDER PORT. Says "ready" when it answers.

import array
import os
import socket
import sys

folder, port = os.path.abspath(sys.argv[1]), int(sys.argv[2])
os.environ['SWIFT_CONF_DIR'] = folder

import eventlet

eventlet.patcher.monkey_patch(all=True)

from eventlet import wsgi
from swift.common import utils

# Both are read from /etc/swift/swift.conf where nobody says otherwise.
utils.HASH_PATH_PREFIX, utils.HASH_PATH_SUFFIX = b'', b'wherry'
utils.SWIFT_CONF_FILE = os.path.join(folder, 'swift.conf')

from swift.common.ring import RingData
from swift.common.wsgi import SwiftHttpProtocol, loadapp

CONFS = {
    'swift': """
[swift-hash]
swift_hash_path_suffix = wherry
[swift-constraints]
max_header_size = 16384
""",
    'proxy': """
[DEFAULT]
swift_dir = {folder}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors gatekeeper s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
# Small pages, so that few files make several.
max_bucket_listing = 25
[filter:tempauth]
use = egg:swift#tempauth
user_wherry_tester = secret .admin
[filter:slo]
use = egg:swift#slo
rate_limit_under_size = 0
yield_frequency = 1
[filter:dlo]
use = egg:swift#dlo
""",
    'server': """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/node
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = ERROR
[pipeline:main]
pipeline = server
[app:server]
use = egg:swift#{kind}
""",
}


class Cache:
    """What memcached is for, in this one process."""

    def __init__(self):
        self.known = {}

    def get(self, key, *_, **__):
        return self.known.get(key)

    def set(self, key, value, *_, **__):
        self.known[key] = value

    def delete(self, key, *_, **__):
        self.known.pop(key, None)

    def incr(self, key, delta=1, *_, **__):
        self.known[key] = int(self.known.get(key, 0)) + delta
        return self.known[key]


def with_cache(app):
    cache = Cache()

    def cached(env, start_response):
        env['swift.cache'] = cache
        return app(env, start_response)

    return cached


def write(name, text):
    path = os.path.join(folder, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


def main():
    os.makedirs(os.path.join(folder, 'node', 'disk'), exist_ok=True)
    write('swift.conf', CONFS['swift'])
    apps = []
    nodelay = lambda sock: (sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), sock)[1]
    for kind in ('account', 'container', 'object'):
        listening = nodelay(eventlet.listen(('127.0.0.1', 0)))
        device = {'id': 0, 'region': 1, 'zone': 1, 'weight': 1.0, 'ip': '127.0.0.1', 'device': 'disk', 'meta': '',
                  'port': listening.getsockname()[1], 'replication_ip': '127.0.0.1',
                  'replication_port': listening.getsockname()[1]}
        ring = RingData([array.array('H', [0] * 4)], [device], 30)
        ring.save(os.path.join(folder, kind + '.ring.gz'))
        conf = write(kind + '.conf', CONFS['server'].format(folder=folder, kind=kind))
        apps.append((listening, lambda conf=conf: loadapp(conf, global_conf={'log_name': kind})))
    conf = write('proxy.conf', CONFS['proxy'].format(folder=folder))
    apps.append((nodelay(eventlet.listen(('127.0.0.1', port))), lambda: with_cache(loadapp(conf, global_conf={'log_name': 'proxy'}))))
    quiet = open(os.devnull, 'w')
    servers = [eventlet.spawn(wsgi.server, listening, load(), log=quiet, log_output=False,
                              protocol=SwiftHttpProtocol, keepalive=True)
               for listening, load in apps]
    print('ready', flush=True)
    for server in servers:
        server.wait()


main()
