"""Start the simulator: python3 -m sim --port-file ports.json  (PYTHONPATH=tests), or run this file."""

import argparse
import gzip
import json
import os
import signal
import sys

if __package__ in (None, ""):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sim.server import serve  # noqa: E402
from sim.world import World  # noqa: E402


def preload(world, path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as f:
        batch = []
        for line in f:
            if line.strip():
                batch.append(json.loads(line))
            if len(batch) >= 20000:
                world.store.add(batch, world.clock.now())
                batch = []
        if batch:
            world.store.add(batch, world.clock.now())


def main(argv=None):
    p = argparse.ArgumentParser(prog="sim", description=__doc__)
    p.add_argument("--port", type=int, default=0, help="plain HTTP port (0 = any)")
    p.add_argument("--tls-port", type=int, default=0)
    p.add_argument("--tls-cert", help="PEM certificate; starts the TLS listener")
    p.add_argument("--tls-key")
    p.add_argument("--port-file", help='gets {"http": PORT, "https": PORT} once both listen')
    p.add_argument("--db", default=":memory:", help="SQLite file for the rows")
    p.add_argument("--rows", action="append", default=[], help="NDJSON of {table,row,ingested,visible}")
    p.add_argument("--arc-tokens", help="directory for the Arc challenge's key files")
    a = p.parse_args(argv)
    end = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, end)  # before there are other threads, which may be given them
    world = World(a.db, a.arc_tokens)
    for path in a.rows:
        preload(world, path)
    servers = [serve(world, a.port)]
    ports = {"http": servers[0].server_address[1]}
    if a.tls_cert:
        servers.append(serve(world, a.tls_port, a.tls_cert, a.tls_key or a.tls_cert))
        ports["https"] = servers[1].server_address[1]
    world.ports = ports
    if a.port_file:
        tmp = a.port_file + ".tmp"
        with open(tmp, "w", encoding="utf-8") as f:
            json.dump(ports, f)
        os.replace(tmp, a.port_file)
    print("simulator listens: %s" % json.dumps(ports), file=sys.stderr, flush=True)
    signal.sigwait(end)
    for s in servers:
        s.shutdown()


if __name__ == "__main__":
    main()
